/* SPDX-License-Identifier: Apache-2.0 */
#include "base/connection.h"

#include <string.h>

#include "../run_suite.h"

#define MS BL_MS

static const struct {
  const char *name;
  BlConnectionFigures figures;
  const char *word;
} cases[] = {
  { "all is well", { 20 * MS, 0.0, 5 * MS, 90 * MS, 2500000 }, "good" },
  { "just within each bound",
    { 999 * MS, 0.049, 149 * MS, 399 * MS, 400000 },
    "good" },
  { "queue, age and rate are not known", { 0, 0, 0, 0, -1 }, "good" },
  { "nothing fresh for a second", { 1000 * MS, 0, 0, 0, -1 }, "poor" },
  { "nothing for almost three", { 2999 * MS, 0, 0, 0, -1 }, "poor" },
  { "nothing for three seconds", { 3000 * MS, 0, 0, 0, -1 }, "lost" },
  { "nothing, with a queue that looked well",
    { 60 * BL_SECOND, 0, 1 * MS, 50 * MS, 2500000 },
    "lost" },
  { "loss that repair does not mend", { 0, 0.05, 0, 0, -1 }, "poor" },
  { "everything lost, but a report came", { 0, 1.0, 0, 0, -1 }, "poor" },
  { "a queue", { 0, 0, 150 * MS, 0, -1 }, "poor" },
  { "an old picture", { 0, 0, 0, 400 * MS, -1 }, "poor" },
  { "less than the clinical picture needs", { 0, 0, 0, 0, 399999 }, "poor" },
  { "room for sound alone", { 0, 0, 0, 0, 0 }, "poor" },
};

START_TEST (each_word_stands_for_its_figures)
{
  BlConnection judged = bl_connection_judge (&cases[_i].figures);
  const char *word = bl_connection_name (judged);
  ck_assert_msg (strcmp (word, cases[_i].word) == 0, "%s: %s", cases[_i].name,
                 word);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("base/connection");
  TCase *tcase = tcase_create ("connection");
  tcase_add_loop_test (tcase, each_word_stands_for_its_figures, 0,
                       (int)(sizeof cases / sizeof *cases));
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
