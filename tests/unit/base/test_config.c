/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config.h"

#include <string.h>

#include "run_suite.h"

static const BlConfigKey keys[] = {
  { "media", "port", BL_CONFIG_INT, "50000", "the first UDP port", 1, 65535,
    NULL },
  { "media", "on", BL_CONFIG_BOOL, "false", "a switch", 0, 0, NULL },
  { "media", "names", BL_CONFIG_LIST, "one", "some names", 0, 0, NULL },
  { "files", "folder", BL_CONFIG_PATH, "here", "a folder", 0, 0, NULL },
  { "files", "kind", BL_CONFIG_CHOICE, "one", "a kind", 0, 0, "one|two" },
  { "files", "title", BL_CONFIG_STRING, "", "a title", 0, 0, NULL },
};

#define FILE_NAME "/etc/bluelight/test.ini"

static BlConfig *
parse (const char *text, GError **error)
{
  return bl_config_parse (text, strlen (text), FILE_NAME, keys,
                          G_N_ELEMENTS (keys), error);
}

START_TEST (every_kind_is_read)
{
  static const char text[] = "; first\n"
                             "[media]\r\n"
                             "port = 5000   # the port\r\n"
                             "on=true\n"
                             "\tnames = a , b,,c \n"
                             "\n"
                             "[ files ]\n"
                             "folder = ../there\n"
                             "kind = two\n"
                             "title = a;b = c#d\n";
  g_autoptr (GError) error = NULL;
  g_autoptr (BlConfig) config = parse (text, &error);
  ck_assert_msg (config != NULL, "%s", error ? error->message : "");
  ck_assert_int_eq (bl_config_int (config, "media", "port"), 5000);
  ck_assert (bl_config_bool (config, "media", "on"));
  const char *const *names = bl_config_list (config, "media", "names");
  ck_assert_uint_eq (g_strv_length ((char **)names), 3);
  ck_assert_str_eq (names[0], "a");
  ck_assert_str_eq (names[1], "b");
  ck_assert_str_eq (names[2], "c");
  ck_assert_str_eq (bl_config_string (config, "files", "folder"),
                    "/etc/bluelight/../there");
  ck_assert_str_eq (bl_config_string (config, "files", "kind"), "two");
  ck_assert_str_eq (bl_config_string (config, "files", "title"), "a;b = c#d");
  ck_assert_uint_eq (bl_config_line (config, "media", "port"), 3);
}
END_TEST

START_TEST (what_is_not_given_falls_back)
{
  g_autoptr (BlConfig) config = parse ("", NULL);
  ck_assert_int_eq (bl_config_int (config, "media", "port"), 50000);
  ck_assert (!bl_config_bool (config, "media", "on"));
  ck_assert_str_eq (bl_config_list (config, "media", "names")[0], "one");
  ck_assert_str_eq (bl_config_string (config, "files", "folder"),
                    "/etc/bluelight/here");
  ck_assert_str_eq (bl_config_string (config, "files", "title"), "");
  ck_assert_uint_eq (bl_config_line (config, "media", "port"), 0);
}
END_TEST

START_TEST (an_absolute_path_and_none_stay_as_they_are)
{
  g_autoptr (BlConfig) absolute = parse ("[files]\nfolder = /srv\n", NULL);
  ck_assert_str_eq (bl_config_string (absolute, "files", "folder"), "/srv");
  g_autoptr (BlConfig) none = parse ("[files]\nfolder =\n", NULL);
  ck_assert_str_eq (bl_config_string (none, "files", "folder"), "");
}
END_TEST

static const struct {
  const char *text;
  const char *message; /* after the file's name */
  BlConfigError code;
} faults[] = {
  { "[media]\nprot = 1\n",
    ":2: [media] has no key “prot”; --help-config lists all keys",
    BL_CONFIG_ERROR_KEY },
  { "[medai]\nport = 1\n",
    ":2: [medai] has no key “port”; --help-config lists all keys",
    BL_CONFIG_ERROR_KEY },
  { "[media]\nport = 1\n\nport = 2\n",
    ":4: [media] port is given twice; the first is on line 2",
    BL_CONFIG_ERROR_KEY },
  { "port = 1\n", ":1: “port” stands before any “[section]”",
    BL_CONFIG_ERROR_SYNTAX },
  { "[media\n", ":1: expected “[section]” or “key = value”, found “[media”",
    BL_CONFIG_ERROR_SYNTAX },
  { "[media]\nport\n",
    ":2: expected “[section]” or “key = value”, found “port”",
    BL_CONFIG_ERROR_SYNTAX },
  { "[media]\nport = 0\n",
    ":2: [media] port: “0” is not a whole number from 1 to 65535",
    BL_CONFIG_ERROR_VALUE },
  { "[media]\nport = 65536\n",
    ":2: [media] port: “65536” is not a whole number from 1 to 65535",
    BL_CONFIG_ERROR_VALUE },
  { "[media]\nport = 5k\n",
    ":2: [media] port: “5k” is not a whole number from 1 to 65535",
    BL_CONFIG_ERROR_VALUE },
  { "[media]\nport =\n",
    ":2: [media] port: “” is not a whole number from 1 to 65535",
    BL_CONFIG_ERROR_VALUE },
  { "[media]\non = yes\n", ":2: [media] on: “yes” is neither true nor false",
    BL_CONFIG_ERROR_VALUE },
  { "[files]\nkind = three\n", ":2: [files] kind: “three” is none of one|two",
    BL_CONFIG_ERROR_VALUE },
  { "[files]\nkind = one|two\n",
    ":2: [files] kind: “one|two” is none of one|two", BL_CONFIG_ERROR_VALUE },
  { "[files]\ntitle = \xff\n", ": is not UTF-8 text; is it the right file?",
    BL_CONFIG_ERROR_SYNTAX },
};

START_TEST (a_fault_is_named_by_file_line_and_key)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BlConfig) config = parse (faults[_i].text, &error);
  ck_assert_ptr_null (config);
  ck_assert (g_str_has_prefix (error->message, FILE_NAME));
  ck_assert_str_eq (error->message + strlen (FILE_NAME), faults[_i].message);
  ck_assert (g_error_matches (error, BL_CONFIG_ERROR, (int)faults[_i].code));
}
END_TEST

START_TEST (a_nul_byte_is_refused)
{
  static const char text[] = "[files]\ntitle = a\0b\n";
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (bl_config_parse (text, sizeof text - 1, FILE_NAME, keys,
                                       G_N_ELEMENTS (keys), &error));
  ck_assert_int_eq (error->code, BL_CONFIG_ERROR_SYNTAX);
}
END_TEST

START_TEST (a_key_without_fallback_has_to_be_given)
{
  static const BlConfigKey needed[] = {
    { "ed", "name", BL_CONFIG_STRING, NULL, "which department", 0, 0, NULL },
  };
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (bl_config_parse ("", 0, FILE_NAME, needed, 1, &error));
  ck_assert_str_eq (error->message,
                    FILE_NAME ": [ed] name is missing: which department");
}
END_TEST

START_TEST (a_file_that_can_not_be_read_is_named)
{
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (bl_config_load ("/nonexistent/relay.ini", keys,
                                      G_N_ELEMENTS (keys), &error));
  ck_assert_int_eq (error->code, BL_CONFIG_ERROR_READ);
  ck_assert_ptr_nonnull (strstr (error->message, "/nonexistent/relay.ini"));
}
END_TEST

START_TEST (a_caller_can_find_fault_with_a_value_too)
{
  g_autoptr (BlConfig) config = parse ("[media]\nport = 5000\n", NULL);
  g_autoptr (GError) given = NULL, fallback = NULL;
  bl_config_set_error (config, "media", "port", &given, "is taken by %s", "x");
  ck_assert_str_eq (given->message,
                    FILE_NAME ":2: [media] port: is taken by x");
  bl_config_set_error (config, "files", "folder", &fallback, "is full");
  ck_assert_str_eq (fallback->message, FILE_NAME ": [files] folder: is full");
}
END_TEST

START_TEST (the_description_is_itself_a_configuration)
{
  g_autofree char *text = bl_config_describe (keys, G_N_ELEMENTS (keys));
  ck_assert_ptr_nonnull (strstr (text, "# the first UDP port (1 to 65535)\n"
                                       "port = 50000\n"));
  ck_assert_ptr_nonnull (strstr (text, "# a kind (one|two)\nkind = one\n"));
  g_autoptr (GError) error = NULL;
  g_autoptr (BlConfig) config = parse (text, &error);
  ck_assert_msg (config != NULL, "%s", error ? error->message : "");
  ck_assert_int_eq (bl_config_int (config, "media", "port"), 50000);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("base/config");
  TCase *tcase = tcase_create ("config");
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, every_kind_is_read);
  tcase_add_test (tcase, what_is_not_given_falls_back);
  tcase_add_test (tcase, an_absolute_path_and_none_stay_as_they_are);
  tcase_add_loop_test (tcase, a_fault_is_named_by_file_line_and_key, 0,
                       G_N_ELEMENTS (faults));
  tcase_add_test (tcase, a_nul_byte_is_refused);
  tcase_add_test (tcase, a_key_without_fallback_has_to_be_given);
  tcase_add_test (tcase, a_file_that_can_not_be_read_is_named);
  tcase_add_test (tcase, a_caller_can_find_fault_with_a_value_too);
  tcase_add_test (tcase, the_description_is_itself_a_configuration);
  return run_suite (suite);
}
