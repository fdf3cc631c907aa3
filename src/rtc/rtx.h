/* SPDX-License-Identifier: Apache-2.0
 *
 * Retransmission as a stream of its own (RFC 4588): SSRC, payload type and
 * sequence number are the RTX stream's, and the payload starts with the
 * original sequence number (OSN).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/writer.h"
#include "rtc/rtp.h"

#define BL_RTX_OSN_BYTES 2

/* After the RTX header (bl_rtp_ext_write() with the RTX stream's SSRC, payload
 * type and sequence number; marker and timestamp of the original): OSN and the
 * original payload. */
void bl_rtx_write_payload (BlWriter *w, uint16_t original_seq,
                           const uint8_t *payload, size_t length);

/* The original packet as `out_rtp` (which may be `rtx` itself), with the SSRC
 * and payload type that the RTX stream stands for. False, `out_rtp` untouched,
 * if there is no OSN: an empty packet sent to probe the path, say. */
bool bl_rtx_unwrap (const BlRtp *rtx, uint32_t original_ssrc,
                    uint8_t original_payload_type, BlRtp *out_rtp);
