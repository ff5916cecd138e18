/* cim/services.h -- the small services: log, configuration, clock. */
#ifndef CIM_SERVICES_H
#define CIM_SERVICES_H

#include "cim/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CIM_SERVICE_LOG "cim.log/1"
enum { CIM_LOG_DEBUG = 0, CIM_LOG_INFO = 1, CIM_LOG_WARNING = 2, CIM_LOG_ERROR = 3 };
typedef struct cim_log_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* `text` is finished: never a token, a person's data or an SQL value. [any] */
    void (*write)(const cim_host *host, int32_t level, const char *component, const char *text);
    int32_t (*enabled)(const cim_host *host, int32_t level); /* [any] */
} cim_log_v1;

#define CIM_SERVICE_CONFIG "cim.config/1"
typedef struct cim_config_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* Value of one of the keys that the manifest declares, or NULL. Valid until destroy(). [any] */
    const char *(*get)(const cim_host *host, const char *key);
} cim_config_v1;

#define CIM_SERVICE_CLOCK "cim.clock/1"
typedef struct cim_clock_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* UTC milliseconds. The only source of "now": tests move it. [any] */
    int64_t (*now_ms)(const cim_host *host);
} cim_clock_v1;

#ifdef __cplusplus
}
#endif
#endif
