/* SPDX-License-Identifier: Apache-2.0
 *
 * Packet indices beside what RFC 3711 says of them, word by word, and beside a
 * list of all that were used.
 */

#include "../run_suite.h"
#include "secure/srtp_index.h"

#define N_BITS 128

static uint64_t bits[N_BITS / 64];

static BlSrtpWindow
window_up_to (int64_t newest)
{
  BlSrtpWindow window = { .n_bits = N_BITS, .used = bits };
  bl_srtp_window_use (&window, newest);
  return window;
}

/* RFC 3711 appendix A, with ROC - 1 of ROC 0 negative. */
static int64_t
index_by_the_rfc (int64_t newest, int64_t seq)
{
  int64_t roc = newest / 65536, s_l = newest % 65536, v;
  if (s_l < 32768)
    v = seq - s_l > 32768 ? roc - 1 : roc;
  else
    v = s_l - 32768 > seq ? roc + 1 : roc;
  return seq + v * 65536;
}

START_TEST (every_number_means_what_rfc_3711_says)
{
  static const int64_t cycles[] = { 0, 1, 2, 70000, UINT32_MAX - 1 };
  static const int64_t numbers[]
      = { 0, 1, 5, 32766, 32767, 32768, 32769, 65534, 65535 };
  for (size_t c = 0; c < sizeof cycles / sizeof *cycles; c++)
    for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
      int64_t newest = cycles[c] * 65536 + numbers[n];
      BlSrtpWindow window = window_up_to (newest);
      for (int seq = 0; seq <= UINT16_MAX; seq++)
        ck_assert_int_eq (bl_srtp_window_guess (&window, (uint16_t)seq),
                          index_by_the_rfc (newest, seq));
    }
}
END_TEST

START_TEST (the_first_number_is_of_the_first_cycle)
{
  BlSrtpWindow window = { 0 };
  for (int seq = 0; seq <= UINT16_MAX; seq++)
    ck_assert_int_eq (bl_srtp_window_guess (&window, (uint16_t)seq), seq);
  ck_assert (bl_srtp_window_is_fresh (&window, 0));
  ck_assert (bl_srtp_window_is_fresh (&window, BL_SRTP_RTP_INDEX_LAST));
  ck_assert (!bl_srtp_window_is_fresh (&window, -1));
}
END_TEST

START_TEST (the_last_cycle_ends_beyond_the_last_index)
{
  BlSrtpWindow window = window_up_to (BL_SRTP_RTP_INDEX_LAST);
  ck_assert_int_eq (bl_srtp_window_guess (&window, 65535),
                    BL_SRTP_RTP_INDEX_LAST);
  ck_assert_int_gt (bl_srtp_window_guess (&window, 0), BL_SRTP_RTP_INDEX_LAST);
}
END_TEST

START_TEST (an_index_is_fresh_once_and_while_it_is_in_the_window)
{
  enum { LAST = 200000 };
  static bool used[LAST + 1];
  BlSrtpWindow window = { .n_bits = N_BITS, .used = bits };
  unsigned state = 1, n_fresh = 0, n_stale = 0;
  int64_t newest = -1;
  while (newest < LAST - 400) {
    state = state * 1103515245 + 12345;
    int64_t index = newest + 1 + (state >> 8) % 50 - (state >> 16) % 200;
    index += state >> 28 == 7 ? 300 : 0;
    bool fresh = index >= 0 && index > newest - N_BITS && !used[index];
    ck_assert_int_eq (bl_srtp_window_is_fresh (&window, index), fresh);
    *(fresh ? &n_fresh : &n_stale) += 1;
    if (!fresh)
      continue;
    bl_srtp_window_use (&window, index);
    used[index] = true;
    newest = index > newest ? index : newest;
    ck_assert_int_eq (window.end, newest + 1);
  }
  ck_assert_uint_gt (n_fresh, 1000);
  ck_assert_uint_gt (n_stale, 1000);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("secure/srtp_index");
  TCase *tcase = tcase_create ("srtp_index");
  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, every_number_means_what_rfc_3711_says);
  tcase_add_test (tcase, the_first_number_is_of_the_first_cycle);
  tcase_add_test (tcase, the_last_cycle_ends_beyond_the_last_index);
  tcase_add_test (tcase, an_index_is_fresh_once_and_while_it_is_in_the_window);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
