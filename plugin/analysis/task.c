/* plugin/analysis/task.c -- see task.h. */
#include "analysis/task.h"

#include "cim/util.h"
#include "kit/json.h"

#include <json-c/json.h>

cim_status
lpg_task_run(const cim_host *host, struct lpg_data *data, const cim_call *call, cim_job *job,
             const char *inputs_json, lpg_task_fn run, cim_blob *ret_result, cim_error *err)
{
    struct lpg_task task = {.host = host, .data = data, .call = call, .job = job};
    cim_status status;
    CIM_TRY(cim_json_parse("inputs", inputs_json, strlen(inputs_json), &task.inputs, err));
    cim_buf_init(&task.out, LPG_TASK_RESULT_MAX);
    task.geos = GEOS_init_r();
    status = task.geos == NULL ? cim_fail_nomem(err) : run(&task, err);
    if (status == CIM_OK && task.out.failed == CIM_E_TOO_LARGE) {
        status = cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL,
                          "结果超过 %d MB，请缩小范围、减少对象或放宽精度",
                          "the answer is larger than %d MB: take a smaller area, fewer features or "
                          "less detail",
                          LPG_TASK_RESULT_MAX >> 20);
    } else if (status == CIM_OK) {
        status = cim_buf_status(&task.out, err);
    }
    if (status == CIM_OK) {
        cim_buf_to_blob(&task.out, ret_result);
    }
    cim_buf_done(&task.out);
    if (task.geos != NULL) {
        GEOS_finish_r(task.geos);
    }
    (void)json_object_put(task.inputs);
    return status;
}

cim_status
lpg_task_step(const struct lpg_task *task, double fraction, const char *zh, const char *en,
              cim_error *err)
{
    if (task->job != NULL) {
        task->job->progress(task->job, fraction, zh, en);
    }
    return cim_heed_cancel(task->call, err);
}

cim_status
lpg_task_fail_geos(const char *input, cim_error *err)
{
    return cim_fail(
        err, CIM_E_INVALID, input, NULL,
        "几何无法运算（过于复杂，或内存不足）：请缩小范围、抽稀，或以 repair: true 修复",
        "a geometry cannot be worked with (too complex, or memory is out): take a "
        "smaller area, simplify, or mend with repair: true");
}
