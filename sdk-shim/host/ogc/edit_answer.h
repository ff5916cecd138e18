/* host/ogc/edit_answer.h -- what an edit answers: the feature, a report, or what is wrong with
 * which feature. */
#ifndef HOST_OGC_EDIT_ANSWER_H
#define HOST_OGC_EDIT_ANSWER_H

#include "cim/layers.h"
#include "host/ogc/ask.h"

struct host_edit_error {
    int64_t row;
    cim_error why;
};

struct host_edit_errors {
    int64_t total;
    size_t n;
    struct host_edit_error *list; /* at most HOST_EDIT_ERRORS_MAX, in order of row once sorted */
};

void host_edit_errors_add(struct host_edit_errors *errors, int64_t row, const cim_error *why);
void host_edit_errors_sort(struct host_edit_errors *errors);
void host_edit_errors_done(struct host_edit_errors *errors);

/* A problem document with the members errors and errors_total. */
cim_status host_edit_answer_problem(const struct host_ask *ask,
                                    const struct host_edit_errors *errors, const cim_error *why,
                                    cim_error *err);
/* The report of an edit of several features, after its commit. */
cim_status host_edit_answer_report(const struct host_ask *ask, const char *layer_id,
                                   const cim_edit *edit, int64_t n_read,
                                   const struct host_edit_errors *errors,
                                   const struct host_edit_errors *warnings, cim_error *err);
/* The feature as it is now, where the caller may read it; the edit is committed, so this does not
 * fail for want of a right to read. With `created` 201 and Location. Warnings follow as a foreign
 * member. */
cim_status host_edit_answer_feature(struct host_ask *ask, const char *layer_id, int64_t fid,
                                    bool created, const struct host_edit_errors *warnings,
                                    cim_error *err);

#endif
