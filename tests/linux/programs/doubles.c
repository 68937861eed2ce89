/* printf of doubles, strtod, libm: every digit must match the host's. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    static const double values[] = {0.0, -0.0, 1.0, -1.5, 0.1, 1e-5, 1e100, 1.7976931348623157e308,
                                    5e-324, 2.2250738585072014e-308, 123456789.987654321, 3.0e-310};
    for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
        double v = values[i];
        printf("%f %e %g %a %.17g\n", v, v, v, v, v);
        printf("%.10f %.10f %.10f\n", sqrt(fabs(v)), floor(v / 3), fmod(v, 0.7));
    }
    printf("%g %g %g\n", INFINITY, -INFINITY, fabs(NAN));
    double sum = 0;
    for (int i = 1; i <= 1000; i++)
        sum += sin(i) * exp(-i / 100.0) + log(i) / pow(i, 1.25);
    printf("%.12f\n", sum);
    float f = 0;
    for (int i = 1; i < 10000; i++)
        f += 1.0f / (float)i;
    printf("%.9g %d %u %lld\n", f, (int)f, (unsigned)(f * 1000), (long long)(f * 1e15));
    printf("%.17g %.17g\n", strtod("0.1000000000000000055511151231257827", NULL),
           strtod("1e23", NULL));
    return 0;
}
