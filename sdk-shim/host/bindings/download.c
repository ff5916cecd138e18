/* host/bindings/download.c -- one answer of a server that bindings.hosts names. */
#include "host/bindings/internal.h"

#include "cim/util.h"
#include "host/bindings/target.h"
#include "kit/cleanup.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { CONNECT_MS = 10000, STALL_S = 30, PROGRESS_BYTES = 1 << 16 };

struct host_download {
    struct host_binding_fetch *fetch;
    CURL *curl;
    bool stopped;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode ready = CURLE_FAILED_INIT;

static void
start_curl(void)
{
    ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

cim_status
host_download_new(struct host_binding_fetch *fetch, struct host_download **ret_download,
                  cim_error *err)
{
    struct host_download *download = calloc(1, sizeof *download);
    (void)pthread_once(&once, start_curl);
    if (download == NULL || ready != CURLE_OK || (download->curl = curl_easy_init()) == NULL) {
        free(download);
        return cim_fail_nomem(err);
    }
    download->fetch = fetch;
    *ret_download = download;
    return CIM_OK;
}

void
host_download_free(struct host_download *download)
{
    if (download != NULL) {
        curl_easy_cleanup(download->curl);
        free(download);
    }
}

static int
on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    struct host_download *download = arg;
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    download->stopped =
        download->fetch->progress != NULL && download->fetch->progress(download->fetch->arg) != 0;
    return download->stopped ? 1 : 0;
}

static size_t
take_text(char *data, size_t size, size_t n, void *arg)
{
    struct cim_buf *out = arg;
    cim_buf_add(out, data, size * n);
    return out->failed == CIM_OK ? size * n : 0;
}

static size_t
take_file(char *data, size_t size, size_t n, void *arg)
{
    return fwrite(data, size, n, arg) * size;
}

static void
set_credentials(struct host_download *download)
{
    const struct host_binding *binding = download->fetch->binding;
    if (binding->password == NULL) {
        return;
    }
    if (binding->username[0] != '\0') {
        (void)curl_easy_setopt(download->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        (void)curl_easy_setopt(download->curl, CURLOPT_USERNAME, binding->username);
        (void)curl_easy_setopt(download->curl, CURLOPT_PASSWORD, binding->password);
    } else {
        (void)curl_easy_setopt(download->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        (void)curl_easy_setopt(download->curl, CURLOPT_XOAUTH2_BEARER, binding->password);
    }
}

/* Addresses hold no credentials, so libcurl's words do not either. */
static cim_status
judge(struct host_download *download, CURLcode code, cim_error *err)
{
    long status = 0;
    char text[16];
    if (download->stopped) {
        return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "刷新已停止", "the refresh was stopped");
    }
    if (code != CURLE_OK) {
        return cim_fail(err, CIM_E_IO, "url", NULL, "来源没有应答：%s",
                        "the source does not answer: %s", curl_easy_strerror(code));
    }
    (void)curl_easy_getinfo(download->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) {
        return CIM_OK;
    }
    (void)snprintf(text, sizeof text, "%ld", status);
    return cim_fail(err, CIM_E_IO, "url", text,
                    status == 401 || status == 403 ? "来源拒绝访问（HTTP %ld）：请检查账号密码"
                    : status >= 300 && status < 400 ? "来源转向别处（HTTP %ld）：请填写转向后的地址"
                                                    : "来源应答 HTTP %ld",
                    status == 401 || status == 403
                        ? "the source refuses access (HTTP %ld): check user and password"
                    : status >= 300 && status < 400
                        ? "the source points elsewhere (HTTP %ld): give the address it points to"
                        : "the source answered HTTP %ld",
                    status);
}

static cim_status
perform(struct host_download *download, const char *url, const char *accept,
        curl_write_callback take, void *arg, int64_t max_bytes, cim_error *err)
{
    CURL *curl = download->curl;
    struct curl_slist *headers = NULL;
    CIM_TRY(host_target_check_http(download->fetch->app->config, url, err));
    curl_easy_reset(curl);
    if (accept != NULL) {
        char line[128];
        (void)snprintf(line, sizeof line, "Accept: %s", accept);
        headers = curl_slist_append(NULL, line);
    }
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* what was allowed is what is reached */
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)HOST_DOWNLOAD_TOTAL_S);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
    (void)curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
    (void)curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)max_bytes);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, arg);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, download);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "cim-host");
    set_credentials(download);
    const CURLcode code = curl_easy_perform(curl);
    curl_slist_free_all(headers);
    return judge(download, code, err);
}

static cim_status
too_large(int64_t max_bytes, cim_error *err)
{
    return cim_fail(err, CIM_E_TOO_LARGE, "url", NULL, "来源的应答超过 %lld 字节",
                    "the answer of the source is larger than %lld bytes", (long long)max_bytes);
}

cim_status
host_download_text(struct host_download *download, const char *url, const char *accept,
                   struct cim_buf *out, cim_error *err)
{
    cim_buf_clear(out);
    const cim_status status =
        perform(download, url, accept, take_text, out, HOST_DOWNLOAD_PAGE_MAX, err);
    return out->failed == CIM_E_TOO_LARGE ? too_large(HOST_DOWNLOAD_PAGE_MAX, err) : status;
}

cim_status
host_download_file(struct host_download *download, const char *url, const char *path,
                   cim_error *err)
{
    FILE *file = fopen(path, "wbe");
    if (file == NULL) {
        return cim_fail(err, CIM_E_IO, NULL, NULL, "无法写入下载的文件（%s）",
                        "the download cannot be written (%s)", strerrorname_np(errno));
    }
    cim_status status = perform(download, url, NULL, take_file, file, HOST_DOWNLOAD_FILE_MAX, err);
    const bool large = ftello(file) > HOST_DOWNLOAD_FILE_MAX;
    if (fclose(file) != 0 && status == CIM_OK) {
        status =
            cim_fail(err, CIM_E_IO, NULL, NULL, "磁盘写入失败", "the disk could not be written");
    }
    return status == CIM_OK && large ? too_large(HOST_DOWNLOAD_FILE_MAX, err) : status;
}
