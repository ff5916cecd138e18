/* demo/registers_internal.h -- the files of the registers; for registers.c, gen_staff.c and
 * gen_checks.c alone. */
#ifndef DEMO_REGISTERS_INTERNAL_H
#define DEMO_REGISTERS_INTERNAL_H

#include "registers.h"

enum demo_register {
    DEMO_REGISTER_LICENCES,
    DEMO_REGISTER_STAFF,
    DEMO_REGISTER_CERTIFICATES,
    DEMO_REGISTER_DOCUMENTS,
    DEMO_REGISTER_INSPECTIONS,
    DEMO_REGISTER_ITEMS,
    DEMO_REGISTER_STEPS,
    DEMO_REGISTER_SALES,
    DEMO_REGISTERS
};

struct demo_registers {
    struct demo_out outs[DEMO_REGISTERS];
};

/* The next record of a register, begun. */
struct demo_out *demo_register_begin(struct demo_world *world, enum demo_register which,
                                     enum demo_layer layer, size_t enterprise, size_t town);
int demo_register_end(struct demo_out *out, struct demo_error *err);

#endif
