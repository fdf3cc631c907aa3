/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/interfaces.h"

#include "../run_suite.h"

static void
free_interface (gpointer data)
{
  BlInterface *interface = data;
  g_free (interface->name);
  g_ptr_array_unref (interface->addresses);
  g_free (interface);
}

static GPtrArray *
make_list (void)
{
  static const struct {
    const char *name;
    const char *addresses[3];
  } all[] = {
    { "eth0", { "192.0.2.1", "2001:db8::1" } },
    { "wwan0", { "198.51.100.7" } },
    { "wwan1", { "203.0.113.9" } },
  };
  GPtrArray *list = g_ptr_array_new_with_free_func (free_interface);
  for (gsize i = 0; i < G_N_ELEMENTS (all); i++) {
    BlInterface *interface = g_new0 (BlInterface, 1);
    interface->name = g_strdup (all[i].name);
    interface->addresses = g_ptr_array_new_with_free_func (g_free);
    for (gsize a = 0; all[i].addresses[a]; a++)
      g_ptr_array_add (interface->addresses, g_strdup (all[i].addresses[a]));
    g_ptr_array_add (list, interface);
  }
  return list;
}

static const struct {
  const char *const wanted[4];
  const char *chosen;
} choices[] = {
  { { NULL },
    "eth0 192.0.2.1 2001:db8::1, wwan0 198.51.100.7, wwan1 203.0.113.9" },
  { { "wwan1", "eth0" }, "wwan1 203.0.113.9, eth0 192.0.2.1 2001:db8::1" },
  { { "2001:db8::1" }, "eth0 2001:db8::1" },
  { { "wwan9", "wwan0" }, "wwan0 198.51.100.7" },
  { { "wwan9" }, "" },
};

START_TEST (wanted_interfaces_are_chosen_in_their_order)
{
  g_autoptr (GPtrArray) all = make_list ();
  g_autoptr (GPtrArray) chosen = bl_interfaces_choose (all, choices[_i].wanted);
  g_autofree char *text = bl_interfaces_describe (chosen);
  ck_assert_str_eq (text, choices[_i].chosen);
}
END_TEST

START_TEST (loopback_is_listed_only_when_it_is_asked_for)
{
  g_autoptr (GPtrArray) with = bl_interfaces_list (true);
  g_autoptr (GPtrArray) without = bl_interfaces_list (false);
  g_autofree char *all = bl_interfaces_describe (with);
  g_autofree char *others = bl_interfaces_describe (without);
  ck_assert_msg (strstr (all, "127.0.0.1"), "%s", all);
  ck_assert_msg (!strstr (others, "127.0.0.1"), "%s", others);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/interfaces");
  TCase *tc = tcase_create ("interfaces");
  tcase_add_loop_test (tc, wanted_interfaces_are_chosen_in_their_order, 0,
                       G_N_ELEMENTS (choices));
  tcase_add_test (tc, loopback_is_listed_only_when_it_is_asked_for);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
