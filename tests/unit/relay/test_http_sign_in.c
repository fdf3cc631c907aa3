/* SPDX-License-Identifier: Apache-2.0
 *
 * Signing in and out.
 */
#include "http_json.h"
#include "secure/token.h"

static void
sign_in (BlDoor door, const char *body, Reply *out)
{
  const Ask ask = { .door = door,
                    .method = "POST",
                    .path = "/api/sign-in",
                    .type = "application/json",
                    .body = body };
  site_ask (&ask, out);
}

#define GOOD "{\"name\": \"Ann\", \"password\": \"correct horse battery\"}"
#define BAD  "{\"name\": \"ann\", \"password\": \"wrong horse battery\"}"

START_TEST (a_password_opens_a_session_whose_cookie_is_locked_down)
{
  g_auto (Reply) reply = { 0 };
  site_add_user ("ann", BL_USER_CLINICIAN);
  sign_in (BL_DOOR_MAIN, GOOD, &reply);
  ck_assert_msg (reply.status == 200, "%u: %s", reply.status, reply.body);
  const char *cookie = reply_header (&reply, "Set-Cookie");
  ck_assert (g_str_has_prefix (cookie, "__Host-bluelight="));
  ck_assert_ptr_nonnull (strstr (cookie, "; Secure"));
  ck_assert_ptr_nonnull (strstr (cookie, "; HttpOnly"));
  ck_assert_ptr_nonnull (strstr (cookie, "; SameSite=Strict"));
  ck_assert_ptr_nonnull (strstr (cookie, "; Path=/"));
  ck_assert_ptr_null (strstr (cookie, "Domain"));
  ck_assert_uint_eq (count_audit (BL_AUDIT_SIGN_IN), 1);

  g_autofree char *value = g_strndup (cookie, strcspn (cookie, ";"));
  const Ask me = {
    .door = BL_DOOR_MAIN, .method = "GET", .path = "/api/me", .cookie = value
  };
  g_auto (Reply) who = { 0 };
  site_ask (&me, &who);
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObject *object = parse (parser, &who);
  ck_assert_str_eq (json_object_get_string_member (object, "name"), "ann");
  ck_assert_str_eq (json_object_get_string_member (object, "role"),
                    "clinician");
}
END_TEST

START_TEST (on_loopback_the_cookie_works_without_tls)
{
  g_auto (Reply) reply = { 0 };
  site_add_user ("ann", BL_USER_CLINICIAN);
  sign_in (BL_DOOR_LOOPBACK, GOOD, &reply);
  ck_assert_uint_eq (reply.status, 200);
  const char *cookie = reply_header (&reply, "Set-Cookie");
  ck_assert (g_str_has_prefix (cookie, "bluelight-loopback="));
  ck_assert_ptr_null (strstr (cookie, "Secure"));
  g_autofree char *value = g_strndup (cookie, strcspn (cookie, ";"));
  g_auto (Reply) calls = { 0 };
  get ("/api/calls", value, &calls);
  ck_assert_uint_eq (calls.status, 200);
}
END_TEST

static const struct {
  const char *body;
  guint status;
} wrong[] = {
  { BAD, 401 },
  { "{\"name\": \"nobody\", \"password\": \"correct horse battery\"}", 401 },
  { "{\"name\": \"carl\", \"password\": \"correct horse battery\"}", 401 },
  { "{\"name\": \"a b\\u0000\", \"password\": \"x\"}", 401 },
  { "{\"code\": \"0000-0000-0000\"}", 401 },
  { "{\"code\": \"\"}", 401 },
  { "{\"name\": \"ann\"}", 400 },
  { "{\"name\": 1, \"password\": []}", 400 },
  { "{}", 400 },
  { "[]", 400 },
  { "null", 400 },
  { "", 400 },
  { "{\"code\": ", 400 },
  { "\xff\xfe", 400 },
  { "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 400 },
};

START_TEST (a_wrong_sign_in_is_refused_and_sets_no_cookie)
{
  g_auto (Reply) reply = { 0 };
  site_add_user ("ann", BL_USER_CLINICIAN);
  gint64 disabled = site_add_user ("carl", BL_USER_CLINICIAN);
  ck_assert (bl_users_set_disabled (site.db, disabled, TRUE, NULL));
  sign_in (BL_DOOR_LOOPBACK, wrong[_i].body, &reply);
  ck_assert_msg (reply.status == wrong[_i].status, "%u: %s", reply.status,
                 reply.body);
  ck_assert_ptr_null (reply_header (&reply, "Set-Cookie"));
  ck_assert_uint_eq (count_audit (BL_AUDIT_SIGN_IN_FAILED),
                     reply.status == 401);
}
END_TEST

START_TEST (a_code_works_once)
{
  gint64 now_us = bl_clock_unix_us ();
  gint64 ann = site_add_user ("ann", BL_USER_IT);
  g_autofree char *code = bl_code_new ();
  g_autofree char *typed = g_ascii_strdown (code, -1);
  g_autofree char *body = g_strdup_printf ("{\"code\": \"%s\"}", typed);
  g_auto (Reply) first = { 0 };
  g_auto (Reply) second = { 0 };
  g_autofree char *plain = bl_code_normalise (code);
  ck_assert (
      bl_users_add_code (site.db, ann, plain, now_us, now_us + HOUR_US, NULL));
  sign_in (BL_DOOR_LOOPBACK, body, &first);
  sign_in (BL_DOOR_LOOPBACK, body, &second);
  ck_assert_uint_eq (first.status, 200);
  ck_assert_uint_eq (second.status, 401);
}
END_TEST

START_TEST (guessing_a_password_is_slowed_down)
{
  site_add_user ("ann", BL_USER_CLINICIAN);
  for (int i = 0; i < 5; i++) {
    g_auto (Reply) reply = { 0 };
    sign_in (BL_DOOR_LOOPBACK, BAD, &reply);
    ck_assert_uint_eq (reply.status, 401);
  }
  g_auto (Reply) reply = { 0 };
  sign_in (BL_DOOR_LOOPBACK, GOOD, &reply); /* even the right one */
  ck_assert_uint_eq (reply.status, 429);
  int wait_s = atoi (reply_header (&reply, "Retry-After"));
  ck_assert_int_ge (wait_s, 1);
  ck_assert_int_le (wait_s, 31);
}
END_TEST

static void
on_signed_in (GObject *source, GAsyncResult *result, gpointer out_result)
{
  *(GAsyncResult **)out_result = g_object_ref (result);
}

START_TEST (guessing_from_elsewhere_does_not_lock_a_person_out)
{
  site_add_user ("ann", BL_USER_CLINICIAN);
  for (int i = 0; i < 6; i++) {
    g_auto (Reply) reply = { 0 };
    sign_in (BL_DOOR_LOOPBACK, BAD, &reply);
    ck_assert_uint_eq (reply.status, i < 5 ? 401 : 429);
  }
  const BlSignInTry ann = { .name = "ann",
                            .password = "correct horse battery",
                            .address = "192.0.2.9" };
  g_autoptr (GAsyncResult) result = NULL;
  bl_auth_sign_in_async (site.auth, &ann, on_signed_in, &result);
  while (!result)
    g_main_context_iteration (NULL, TRUE);
  g_autoptr (BlUser) user = NULL;
  g_autoptr (GError) error = NULL;
  BlTime wait_us;
  g_autofree char *cookie
      = bl_auth_sign_in_finish (site.auth, result, &user, &wait_us, &error);
  g_assert_no_error (error);
  ck_assert_ptr_nonnull (cookie);
}
END_TEST

START_TEST (signing_out_ends_the_session)
{
  g_autofree char *cookie = site_cookie ("ann", BL_USER_CLINICIAN);
  g_autofree char *self = g_strdup_printf (
      "http://127.0.0.1:%u", bl_http_port (site.http, BL_DOOR_LOOPBACK));
  const Ask ask = { .method = "POST",
                    .path = "/api/sign-out",
                    .type = "application/json",
                    .body = "{}",
                    .cookie = cookie,
                    .origin = self };
  ck_assert_uint_eq (site_status (&ask), 204);
  g_auto (Reply) calls = { 0 };
  get ("/api/calls", cookie, &calls);
  ck_assert_uint_eq (calls.status, 401);
  ck_assert_uint_eq (count_audit (BL_AUDIT_SIGN_OUT), 1);
}
END_TEST

START_TEST (a_session_ends_when_its_user_is_disabled)
{
  g_autofree char *cookie = site_cookie ("ann", BL_USER_CLINICIAN);
  g_auto (Reply) before = { 0 };
  g_auto (Reply) after = { 0 };
  get ("/api/calls", cookie, &before);
  ck_assert_uint_eq (before.status, 200);
  ck_assert (bl_users_set_disabled (site.db, 1, TRUE, NULL));
  get ("/api/calls", cookie, &after);
  ck_assert_uint_eq (after.status, 401);
}
END_TEST

int
main (void)
{
  const SuiteTest tests[] = {
    { a_password_opens_a_session_whose_cookie_is_locked_down, 0 },
    { on_loopback_the_cookie_works_without_tls, 0 },
    { a_wrong_sign_in_is_refused_and_sets_no_cookie, G_N_ELEMENTS (wrong) },
    { a_code_works_once, 0 },
    { guessing_a_password_is_slowed_down, 0 },
    { guessing_from_elsewhere_does_not_lock_a_person_out, 0 },
    { signing_out_ends_the_session, 0 },
    { a_session_ends_when_its_user_is_disabled, 0 },
  };
  if (!site_mint ())
    return EXIT_FAILURE;
  int status = run_table ("relay/http_sign_in", tests, G_N_ELEMENTS (tests),
                          site_setup, site_teardown);
  site_unmint ();
  return status;
}
