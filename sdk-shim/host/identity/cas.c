/* host/identity/cas.c -- see cas.h. */
#include "host/identity/cas.h"

#include "cim/util.h"
#include "kit/buf.h"

#include <expat.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

/* Between namespace and name in what expat tells; in no namespace of ours. */
#define CUT  '\x01'
#define CAS  "http://www.yale.edu/tp/cas\x01"
#define SAML "urn:oasis:names:tc:SAML:2.0:protocol\x01"

enum { TEXT_MAX = 4000 };

/* ---- one pass over a document ---- */

struct reading {
    XML_Parser parser;
    const char *path[HOST_CAS_DEPTH_MAX]; /* owned copies of the open elements' names */
    int depth;
    int n_members;
    bool failed;
    struct cim_buf text; /* of the innermost element */
    /* At the end of each element, with its text. */
    void (*ended)(struct reading *reading, const char *text);
    void *to;
};

static void
stop(struct reading *reading)
{
    reading->failed = true;
    (void)XML_StopParser(reading->parser, XML_FALSE);
}

static void XMLCALL
on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *reading = user;
    (void)attributes;
    char *copy = strdup(name);
    if (copy == NULL || reading->depth == HOST_CAS_DEPTH_MAX ||
        ++reading->n_members > HOST_CAS_MEMBERS_MAX) {
        free(copy);
        stop(reading);
        return;
    }
    reading->path[reading->depth++] = copy;
    cim_buf_clear(&reading->text);
}

static void XMLCALL
on_end(void *user, const XML_Char *name)
{
    struct reading *reading = user;
    (void)name;
    if (reading->failed) {
        return;
    }
    reading->ended(reading, reading->text.data != NULL ? reading->text.data : "");
    free((void *)(uintptr_t)reading->path[--reading->depth]);
    cim_buf_clear(&reading->text);
}

static void XMLCALL
on_text(void *user, const XML_Char *text, int len)
{
    struct reading *reading = user;
    cim_buf_add(&reading->text, text, (size_t)len);
    if (reading->text.failed != CIM_OK) {
        stop(reading);
    }
}

static void XMLCALL
on_doctype(void *user, const XML_Char *name, const XML_Char *system, const XML_Char *public,
           int internal)
{
    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    stop(user);
}

/* False: it is no document of the kind. */
static bool
read_document(const char *xml, size_t len, void (*ended)(struct reading *reading, const char *text),
              void *to)
{
    struct reading reading = {.parser = XML_ParserCreateNS("UTF-8", CUT), .ended = ended, .to = to};
    if (reading.parser == NULL || len > INT32_MAX) {
        XML_ParserFree(reading.parser);
        return false;
    }
    cim_buf_init(&reading.text, TEXT_MAX);
    XML_SetUserData(reading.parser, &reading);
    XML_SetElementHandler(reading.parser, on_start, on_end);
    XML_SetCharacterDataHandler(reading.parser, on_text);
    XML_SetStartDoctypeDeclHandler(reading.parser, on_doctype);
    const bool good =
        XML_Parse(reading.parser, xml, (int)len, XML_TRUE) == XML_STATUS_OK && !reading.failed;
    while (reading.depth > 0) {
        free((void *)(uintptr_t)reading.path[--reading.depth]);
    }
    cim_buf_done(&reading.text);
    XML_ParserFree(reading.parser);
    return good;
}

static bool
is_at(const struct reading *reading, int depth, const char *name)
{
    return reading->depth > depth && strcmp(reading->path[depth], name) == 0;
}

/* ---- whose a ticket is ---- */

struct answer {
    struct json_object *claims;
    bool success;
    bool refused;
    bool proxied;
};

static void
add_claim(struct json_object *claims, const char *name, const char *text)
{
    struct json_object *before = NULL;
    if (!json_object_object_get_ex(claims, name, &before)) {
        json_object_object_add(claims, name, json_object_new_string(text));
        return;
    }
    if (!json_object_is_type(before, json_type_array)) {
        struct json_object *list = json_object_new_array();
        json_object_array_add(list, json_object_get(before));
        json_object_object_add(claims, name, list);
        before = list;
    }
    json_object_array_add(before, json_object_new_string(text));
}

static void
on_answer(struct reading *reading, const char *text)
{
    struct answer *answer = reading->to;
    const bool inside =
        is_at(reading, 0, CAS "serviceResponse") && is_at(reading, 1, CAS "authenticationSuccess");
    if (is_at(reading, 0, CAS "serviceResponse") &&
        is_at(reading, 1, CAS "authenticationFailure")) {
        answer->refused = true;
    }
    if (!inside) {
        return;
    }
    answer->success = true;
    answer->proxied = answer->proxied || is_at(reading, 2, CAS "proxies");
    if (reading->depth == 3 && is_at(reading, 2, CAS "user")) {
        json_object_object_add(answer->claims, "user", json_object_new_string(text));
    } else if (reading->depth == 4 && is_at(reading, 2, CAS "attributes")) {
        const char *cut = strchr(reading->path[3], CUT);
        const char *name = cut != NULL ? cut + 1 : reading->path[3];
        if (strcmp(name, "user") != 0 && strcmp(name, "sub") != 0 && strcmp(name, "sid") != 0) {
            add_claim(answer->claims, name, text);
        }
    }
}

static cim_status
judge(const struct answer *answer, bool good, cim_error *err)
{
    struct json_object *user = NULL;
    if (!good || answer->success == answer->refused) {
        return cim_fail(err, CIM_E_BUSY, "provider", NULL,
                        "统一认证系统（CAS）的应答无法识别，请稍后再试，或用本地账号登录",
                        "the answer of the CAS server cannot be read: try again later, or sign in "
                        "with a local account");
    }
    if (answer->refused) {
        return cim_fail(err, CIM_E_DENIED, "ticket", NULL,
                        "统一认证系统不认这张票据：已用过、已过期，或不是给本平台的",
                        "the sign-in provider does not take this ticket: it was used, is over, or "
                        "is not for this platform");
    }
    if (answer->proxied) {
        return cim_fail(err, CIM_E_DENIED, "proxy", NULL, "不接受代理票据",
                        "tickets that came by a proxy are not taken");
    }
    if (!json_object_object_get_ex(answer->claims, "user", &user) ||
        json_object_get_string_len(user) == 0 || json_object_get_string_len(user) > 255) {
        return cim_fail(err, CIM_E_DENIED, "sub", NULL, "认证系统没有给出用户标识",
                        "the sign-in provider names nobody");
    }
    return CIM_OK;
}

cim_status
host_cas_answer(const char *xml, size_t len, struct json_object **ret_claims, cim_error *err)
{
    struct answer answer = {.claims = json_object_new_object()};
    const bool good = read_document(xml, len, on_answer, &answer);
    const cim_status status = judge(&answer, good, err);
    if (status != CIM_OK) {
        json_object_put(answer.claims);
        return status;
    }
    *ret_claims = answer.claims;
    return CIM_OK;
}

/* ---- logout ---- */

bool
host_cas_ticket_is_good(const char *ticket)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    const size_t len = strlen(ticket);
    return strncmp(ticket, "ST-", 3) == 0 && len > 3 && len <= HOST_CAS_TICKET_MAX &&
           strspn(ticket, letters) == len;
}

static void
on_logout(struct reading *reading, const char *text)
{
    char *ticket = reading->to;
    if (reading->depth == 2 && is_at(reading, 0, SAML "LogoutRequest") &&
        is_at(reading, 1, SAML "SessionIndex")) {
        cim_copy_text(ticket, HOST_CAS_TICKET_MAX + 1, text);
    }
}

cim_status
host_cas_logout(const char *xml, size_t len, char ret_ticket[HOST_CAS_TICKET_MAX + 1],
                cim_error *err)
{
    char ticket[HOST_CAS_TICKET_MAX + 1] = "";
    if (!read_document(xml, len, on_logout, ticket) || !host_cas_ticket_is_good(ticket)) {
        return cim_fail(err, CIM_E_DENIED, "logoutRequest", NULL, "应为 SAML LogoutRequest",
                        "expected a SAML LogoutRequest");
    }
    cim_copy_text(ret_ticket, HOST_CAS_TICKET_MAX + 1, ticket);
    return CIM_OK;
}
