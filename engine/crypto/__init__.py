"""Crypto helpers: AES (block, CBC, tables) and hash digests."""
