/* host/identity/delegate.h -- who may grant what to whom.
 *
 * Nobody gives more than he holds: each action, area, owner, field, row, function point and end of
 * what is given must be covered by what the giver holds, or holds to pass on. Who administers a
 * person must be able to give all that the person holds, or a new password would be a way to it.
 */
#ifndef HOST_DELEGATE_H
#define HOST_DELEGATE_H

#include "host/identity/identity.h"

struct host_area_set;
struct host_granted_function;
struct host_held_term;

/* Codes separated by commas or "*": do all lie where the giver holds the function point? Unknown
 * codes are refused. `param` names the input in the refusal. */
cim_status host_delegate_areas(const struct host_principal *giver, const char *function_id,
                               const char *areas, const char *param, cim_error *err);
/* The areas for which the giver holds the function point now; bits freed by the caller. */
cim_status host_delegate_held(const struct host_principal *giver, const char *function_id,
                              struct host_area_set *ret_set, cim_error *err);
/* Do all of these codes, or "*", lie in the set? Unknown codes do not. */
bool host_delegate_inside(const struct host_principal *giver, const struct host_area_set *set,
                          const char *areas);
/* Each CIM_E_DENIED says which part goes beyond: err->param is resource, actions, owner, filter,
 * fields, until or areas; function for a function point. */
cim_status host_delegate_term(const struct host_principal *giver, const struct host_held_term *held,
                              cim_error *err);
cim_status host_delegate_function(const struct host_principal *giver,
                                  const struct host_granted_function *function, cim_error *err);
/* All that `subject` holds. */
cim_status host_delegate_all(const struct host_principal *giver,
                             const struct host_principal *subject, cim_error *err);

#endif
