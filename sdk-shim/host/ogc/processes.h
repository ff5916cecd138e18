/* host/ogc/processes.h -- what processes and jobs share. */
#ifndef HOST_OGC_PROCESSES_H
#define HOST_OGC_PROCESSES_H

#include "host/ogc/ask.h"

struct host_job_info;

/* An analysis entered for one call, with the caller's terms for running it in call.scope. */
struct host_work_visit {
    struct host_plugins *plugins; /* NULL: nothing entered */
    const struct host_work *work;
    cim_call call;
};

/* CIM_E_NOTFOUND: no such process; CIM_E_BUSY: its plugin is not enabled; CIM_E_DENIED: the caller
 * may not run it. */
cim_status host_visit_work(struct host_work_visit *visit, struct host_ogc *ogc,
                           const cim_call *call, const char *id, cim_error *err);
void host_work_visit_end(struct host_work_visit *visit);
#define HOST_AUTO_WORK_VISIT __attribute__((cleanup(host_work_visit_end)))

/* Exceptions that the standard names. */
#define HOST_NO_SUCH_PROCESS "no-such-process"
#define HOST_NO_SUCH_JOB     "no-such-job"
#define HOST_NOT_READY       "result-not-ready"

cim_status host_ogc_job_routes(struct host_ogc *ogc, cim_error *err);
/* Answers a problem of that name. */
cim_status host_processes_problem(cim_http_req *req, const cim_call *call, int32_t http_status,
                                  const char *name, const cim_error *why, cim_error *err);
/* The status document of a job, with links below `base`. */
struct json_object *host_job_doc(const char *base, bool chinese, const struct host_job_info *info);
/* What a successful job answered, in the form that its request asked for; the caller of `call` may
 * still run the analysis. *ret_mime is static. */
cim_status host_job_results(struct host_ogc *ogc, const cim_call *call,
                            const struct host_job_info *info, struct cim_buf *body,
                            const char **ret_mime, cim_error *err);
/* Is it a form that results are sent in as a file (job_files.c): "pdf", "docx", "geojson", "shp",
 * "dxf"? */
bool host_job_file_format(const char *format);
/* Sends it, of the output that the parameter `output` names where it has a choice. */
cim_status host_job_send_file(const struct host_ask *ask, const struct host_job_info *info,
                              const char *format, cim_error *err);
/* Sends a finished buffer with a status; it is empty afterwards. */
cim_status host_processes_send(cim_http_req *req, int32_t http_status, const char *mime,
                               struct cim_buf *body, cim_error *err);

#endif
