/* host/supervisor/pulse.h -- a worker's sign of life: a thread of its own that does nothing else.
 */
#ifndef HOST_PULSE_H
#define HOST_PULSE_H

#include "cim/base.h"

/* Beats in host_note() until the process ends. */
cim_status host_pulse_start(cim_error *err);

#endif
