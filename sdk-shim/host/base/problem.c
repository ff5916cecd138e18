/* host/base/problem.c -- see problem.h. */
#include "problem.h"

#include <errno.h>
#include <string.h>

struct title {
    int32_t status;
    const char *slug; /* "about:blank" where the status says all there is to say */
    const char *zh;
    const char *en;
};

static const struct title TITLES[] = {
    {400, "urn:cim:problem:invalid", "请求有误", "Bad request"},
    {401, "urn:cim:problem:sign-in", "需要登录", "Sign-in needed"},
    {403, "urn:cim:problem:denied", "没有权限", "Not allowed"},
    {404, "urn:cim:problem:not-found", "未找到", "Not found"},
    {405, "urn:cim:problem:method", "不支持的方法", "Method not allowed"},
    {406, "urn:cim:problem:format", "无法提供所要的格式", "Format not available"},
    {408, "urn:cim:problem:timeout", "请求超时", "Request timeout"},
    {409, "urn:cim:problem:conflict", "与现状冲突", "Conflict"},
    {412, "urn:cim:problem:version", "版本已变", "Version has changed"},
    {413, "urn:cim:problem:too-large", "内容过大", "Content too large"},
    {414, "urn:cim:problem:uri", "地址过长", "URI too long"},
    {415, "urn:cim:problem:media-type", "不支持的内容类型", "Unsupported media type"},
    {417, "urn:cim:problem:expectation", "不支持的 Expect", "Expectation failed"},
    {421, "urn:cim:problem:host", "主机名不属于本站", "Misdirected request"},
    {429, "urn:cim:problem:too-many", "请求过多", "Too many requests"},
    {422, "urn:cim:problem:refused", "内容不合要求", "Unprocessable content"},
    {431, "urn:cim:problem:headers", "请求头过长", "Header fields too large"},
    {500, "urn:cim:problem:internal", "内部错误", "Internal error"},
    {501, "urn:cim:problem:unsupported", "不支持", "Not supported"},
    {502, "urn:cim:problem:upstream", "上游服务出错", "Bad gateway"},
    {503, "urn:cim:problem:busy", "暂时不可用", "Temporarily unavailable"},
    {504, "urn:cim:problem:upstream-time", "上游服务超时", "Gateway timeout"},
    {505, "urn:cim:problem:http-version", "不支持的 HTTP 版本", "HTTP version not supported"},
    {507, "urn:cim:problem:storage", "存储空间不足", "Out of storage"},
};

static const struct title *
find_title(int32_t status)
{
    static const struct title other = {0, "about:blank", "错误", "Error"};
    for (size_t i = 0; i < sizeof TITLES / sizeof TITLES[0]; i++) {
        if (TITLES[i].status == status) {
            return &TITLES[i];
        }
    }
    return &other;
}

static int32_t
unsupported_status(const char *param)
{
    if (strcmp(param, "f") == 0 || strcmp(param, "Accept") == 0) {
        return 406;
    }
    if (strcmp(param, "Content-Type") == 0 || strcmp(param, "encoding") == 0 ||
        strcmp(param, "file") == 0) {
        return 415;
    }
    return 501;
}

/* A full disk and a server of ours that cannot be asked for now are not faults of the platform:
 * whoever asks is told. */
static int32_t
io_status(int32_t os_errno)
{
    switch (os_errno) {
    case ENOSPC:
    case EDQUOT:
        return 507;
    case ECONNREFUSED:
    case ECONNRESET:
    case ETIMEDOUT:
        return 503;
    default:
        return 500;
    }
}

int32_t
host_problem_http_status(const cim_error *err)
{
    switch (err->code) {
    case CIM_E_INVALID:
        return 400;
    case CIM_E_DENIED:
        return 403;
    case CIM_E_NOTFOUND:
        return 404;
    case CIM_E_EXISTS:
    case CIM_E_STATE:
        return 409;
    case CIM_E_VERSION:
        return 412;
    case CIM_E_TOO_LARGE:
        return 413;
    case CIM_E_UNSUPPORTED:
        return unsupported_status(err->param);
    case CIM_E_NOMEM:
    case CIM_E_BUSY:
    case CIM_E_CANCELLED:
        return 503;
    case CIM_E_IO:
        return io_status(err->os_errno);
    default:
        return 500;
    }
}

void
host_problem_title(int32_t http_status, const char **ret_zh, const char **ret_en)
{
    const struct title *title = find_title(http_status);
    *ret_zh = title->zh;
    *ret_en = title->en;
}

void
host_problem_write(struct cim_buf *out, int32_t http_status, const cim_error *err,
                   const char *request_id)
{
    host_problem_write_typed(out, http_status, find_title(http_status)->slug, err, request_id);
}

void
host_problem_write_typed(struct cim_buf *out, int32_t http_status, const char *type,
                         const cim_error *err, const char *request_id)
{
    const struct title *title = find_title(http_status);
    const int hidden = http_status == 500;
    cim_buf_addf(out, "{\"type\":\"%s\"", type);
    cim_buf_add_member(out, "title", title->zh);
    cim_buf_add_member(out, "title_en", title->en);
    cim_buf_addf(out, ",\"status\":%d", (int)http_status);
    cim_buf_add_member(out, "detail", hidden ? "平台内部出错；请把请求编号告诉管理员。" : err->zh);
    cim_buf_add_member(
        out, "detail_en",
        hidden ? "Something failed inside the platform; tell the administrator the request id."
               : err->en);
    if (!hidden && err->param[0] != '\0') {
        cim_buf_add_member(out, "param", err->param);
        cim_buf_add_member(out, "value", err->value);
    }
    if (request_id != NULL && request_id[0] != '\0') {
        cim_buf_add_member(out, "request_id", request_id);
    }
    cim_buf_add_char(out, '}');
}
