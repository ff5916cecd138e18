/* host/idempotency/fingerprint.c -- what makes a request the same as another. */
#include "host/idempotency/idempotency.h"

#include "cim/util.h"
#include "kit/digest.h"

#include <openssl/evp.h>

enum { PIECE_BYTES = 64 << 10 };

/* With its NUL, so that no two lists of texts run into one. */
static bool
add_text(EVP_MD_CTX *context, const char *text)
{
    const char *const present = text != NULL ? "+" : "-";
    return EVP_DigestUpdate(context, present, 1) == 1 &&
           (text == NULL || EVP_DigestUpdate(context, text, strlen(text) + 1) == 1);
}

static cim_status
add_query(void *arg, const char *name, const char *value, cim_error *err)
{
    EVP_MD_CTX *context = arg;
    return add_text(context, name) && add_text(context, value)
               ? CIM_OK
               : cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "SHA-256 计算失败", "SHA-256 failed");
}

static cim_status
add_body(EVP_MD_CTX *context, cim_http_req *req, cim_error *err)
{
    char *piece = host_http_alloc(req, PIECE_BYTES);
    uint64_t n = 0;
    if (piece == NULL) {
        return cim_fail_nomem(err);
    }
    host_http_rewind_body(req);
    do {
        CIM_TRY(host_http_read_body(req, piece, PIECE_BYTES, &n, err));
        if (EVP_DigestUpdate(context, piece, n) != 1) {
            return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "SHA-256 计算失败", "SHA-256 failed");
        }
    } while (n > 0);
    host_http_rewind_body(req);
    return CIM_OK;
}

static cim_status
compute(EVP_MD_CTX *context, cim_http_req *req, char ret_text[65], cim_error *err)
{
    static const char *const headers[] = {"Content-Type", "Content-Crs", "If-Match", "Prefer"};
    unsigned char bytes[EVP_MAX_MD_SIZE];
    bool good = EVP_DigestInit_ex(context, cim_sha256(), NULL) == 1 &&
                add_text(context, host_http_method(req)) && add_text(context, host_http_path(req));
    for (size_t i = 0; good && i < sizeof headers / sizeof headers[0]; i++) {
        good = add_text(context, host_http_header(req, headers[i]));
    }
    CIM_TRY(host_http_each_query(req, add_query, context, err));
    CIM_TRY(add_body(context, req, err));
    if (!good || EVP_DigestFinal_ex(context, bytes, NULL) != 1) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "SHA-256 计算失败", "SHA-256 failed");
    }
    cim_hex(bytes, 32, ret_text);
    return CIM_OK;
}

cim_status
host_idempotency_fingerprint(cim_http_req *req, char ret_text[65], cim_error *err)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const cim_status status =
        context != NULL ? compute(context, req, ret_text, err) : cim_fail_nomem(err);
    EVP_MD_CTX_free(context);
    return status;
}
