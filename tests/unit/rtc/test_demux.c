/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/demux.h"

#include "run_suite.h"

#define COOKIE 0x21, 0x12, 0xa4, 0x42

static const struct {
  const char *what;
  uint8_t bytes[20];
  size_t length;
  BlDemuxKind kind;
} cases[] = {
  { "nothing", { 0 }, 0, BL_DEMUX_OTHER },
  { "a binding request", { 0, 1, 0, 0, COOKIE }, 20, BL_DEMUX_STUN },
  { "a binding response", { 1, 1, 0, 0, COOKIE }, 20, BL_DEMUX_STUN },
  { "a cut binding request", { 0, 1, 0, 0, COOKIE }, 19, BL_DEMUX_OTHER },
  { "another cookie", { 0, 1, 0, 0, 1, 2, 3, 4 }, 20, BL_DEMUX_OTHER },
  { "byte 4", { 4, 1, 0, 0, COOKIE }, 20, BL_DEMUX_OTHER },
  { "ZRTP", { 16 }, 20, BL_DEMUX_OTHER },
  { "byte 19", { 19 }, 20, BL_DEMUX_OTHER },
  { "DTLS change cipher spec", { 20 }, 14, BL_DEMUX_DTLS },
  { "DTLS handshake", { 22, 0xfe, 0xfd }, 20, BL_DEMUX_DTLS },
  { "DTLS 1.3 ciphertext", { 63 }, 20, BL_DEMUX_DTLS },
  { "a cut DTLS record", { 22, 0xfe, 0xfd }, 12, BL_DEMUX_OTHER },
  { "a TURN channel", { 64 }, 20, BL_DEMUX_OTHER },
  { "byte 127", { 127 }, 20, BL_DEMUX_OTHER },
  { "RTP", { 0x80, 96 }, 12, BL_DEMUX_RTP },
  { "RTP with everything and the marker", { 0xbf, 0xe0 }, 20, BL_DEMUX_RTP },
  { "payload type 63 with the marker", { 0x80, 191 }, 12, BL_DEMUX_RTP },
  { "the first RTCP type", { 0x80, 192 }, 8, BL_DEMUX_RTCP },
  { "a sender report", { 0x80, 200 }, 20, BL_DEMUX_RTCP },
  { "an extended report", { 0x80, 207 }, 8, BL_DEMUX_RTCP },
  { "the last RTCP type", { 0x80, 223 }, 8, BL_DEMUX_RTCP },
  { "payload type 96 with the marker", { 0x80, 224 }, 12, BL_DEMUX_RTP },
  { "a cut RTP header", { 0x80, 96 }, 11, BL_DEMUX_OTHER },
  { "a cut RTCP header", { 0x80, 200 }, 7, BL_DEMUX_OTHER },
  { "byte 192", { 192, 96 }, 20, BL_DEMUX_OTHER },
  { "byte 255", { 255, 255 }, 20, BL_DEMUX_OTHER },
};

START_TEST (each_datagram_is_told_by_its_first_bytes)
{
  ck_assert_msg (bl_demux (cases[_i].bytes, cases[_i].length) == cases[_i].kind,
                 "%s", cases[_i].what);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/demux");
  TCase *tcase = tcase_create ("demux");
  tcase_add_loop_test (tcase, each_datagram_is_told_by_its_first_bytes, 0,
                       sizeof cases / sizeof *cases);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
