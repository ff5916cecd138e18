/* tests/unit/pictures/colours.h -- how far apart two colours look, also to those who see fewer.
 *
 * CIEDE2000 (Sharma, Wu, Dalal 2005) over sRGB under D65; dichromats after Machado, Oliveira,
 * Fernandes 2009 at full severity.
 */
#ifndef TESTS_PICTURES_COLOURS_H
#define TESTS_PICTURES_COLOURS_H

enum vision { SEES_ALL, PROTANOPE, DEUTERANOPE, N_VISIONS };

/* `lab`: L*, a*, b*. */
double colours_ciede2000(const double lab[2][3]);
/* `rgb`: 0 … 1, sRGB. */
double colours_apart(const double a[3], const double b[3], enum vision vision);

#endif
