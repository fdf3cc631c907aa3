/* SPDX-License-Identifier: Apache-2.0
 *
 * Bodies of WHIP's PATCH: what was read and is written again reads the same.
 */
#include <string.h>

#include "base/blassert.h"
#include "signal/sdpfrag.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  BlSdpFrag frag, back;
  if (!bl_sdpfrag_parse ((const char *)data, size, &frag, NULL))
    return 0;
  (void)bl_sdpfrag_is_restart (&frag, "ufrag", "password");
  g_autofree char *text = bl_sdpfrag_build (&frag);
  bl_assert (bl_sdpfrag_parse (text, strlen (text), &back, NULL));
  bl_assert (back.n_candidates == frag.n_candidates);
  bl_assert (g_str_equal (back.ufrag, frag.ufrag));
  bl_assert (g_str_equal (back.pwd, frag.pwd));
  return 0;
}
