/* host/identity/cas.h -- what a CAS server says, as XML: whose a ticket is (CAS protocol 3.0,
 * serviceValidate), and that a session is over there (single logout). No DTD, no entities of its
 * own, bounded depth and size.
 */
#ifndef HOST_IDENTITY_CAS_H
#define HOST_IDENTITY_CAS_H

#include "cim/base.h"

#include <stdbool.h>

struct json_object;

enum { HOST_CAS_TICKET_MAX = 256, HOST_CAS_DEPTH_MAX = 12, HOST_CAS_MEMBERS_MAX = 200 };

/* Is it a service ticket ("ST-…"), of letters that need no care? */
bool host_cas_ticket_is_good(const char *ticket);
/* The answer about a ticket as claims: "user" and the attributes by name, several of one name as a
 * list. CIM_E_DENIED, err->param "ticket": the server does not take it; "proxy": it came by a
 * proxy; CIM_E_BUSY: no answer of CAS. *ret_claims is owned (json_object_put). */
cim_status host_cas_answer(const char *xml, size_t len, struct json_object **ret_claims,
                           cim_error *err);
/* The ticket that a logout request names. CIM_E_DENIED, "logoutRequest": it is none. */
cim_status host_cas_logout(const char *xml, size_t len, char ret_ticket[HOST_CAS_TICKET_MAX + 1],
                           cim_error *err);

#endif
