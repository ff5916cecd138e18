/* host/base/reason.h -- why somebody does what is asked about later. */
#ifndef HOST_REASON_H
#define HOST_REASON_H

#include "cim/base.h"

enum { HOST_REASON_CHARACTERS_MIN = 5, HOST_REASON_CHARACTERS_MAX = 200 };

/* CIM_E_INVALID, param "reason": missing (NULL), too short or long, blanks at its ends not counted,
 * no UTF-8, or with control characters. `zh`, `en`: what it is the reason of. */
cim_status host_reason_check(const char *reason, const char *zh, const char *en, cim_error *err);

#endif
