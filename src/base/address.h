/* SPDX-License-Identifier: Apache-2.0
 *
 * A transport address: IPv4 or IPv6 with a port, or none. A value: copy it,
 * compare it, put it in a table. Numeric text only, never a name to look up.
 *
 * Invariant: `length` is 0 (no address) or the size of the family's sockaddr.
 * To receive into one, pass &address.storage and sizeof address.storage, then
 * set `length` to what the kernel gave.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

typedef struct {
  union {
    struct sockaddr any;
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
    struct sockaddr_storage storage;
  };
  socklen_t length;
} BlAddress;

/* Room for the longest text, with its NUL. */
#define BL_ADDRESS_TEXT_BYTES 72

/* Reads "192.0.2.1" or "2001:db8::1" (brackets allowed); false, and
 * `out_address` untouched, if it is neither. */
bool bl_address_parse (const char *host, uint16_t port, BlAddress *out_address);

/* Reads "192.0.2.1:5000" or "[2001:db8::1]:5000". */
bool bl_address_parse_port (const char *text, BlAddress *out_address);

/* "192.0.2.1:5000", "[2001:db8::1]:5000", or "none". Gives `out_text`. */
const char *bl_address_format (const BlAddress *address,
                               char out_text[BL_ADDRESS_TEXT_BYTES]);

/* The same without port and brackets: as an SDP candidate line wants it. */
const char *bl_address_format_host (const BlAddress *address,
                                    char out_text[BL_ADDRESS_TEXT_BYTES]);

/* Host order; 0 for none. */
uint16_t bl_address_port (const BlAddress *address);

bool bl_address_is_ipv6 (const BlAddress *address);

/* An IPv4 address that a dual-stack socket gave as ::ffff:a.b.c.d becomes
 * IPv4; any other stays as it is. Do this to what is received, so that one
 * peer has one address. */
void bl_address_unmap (BlAddress *address);

/* Family, host and port; for IPv6 also the scope. */
bool bl_address_equal (const BlAddress *a, const BlAddress *b);

/* Equal addresses have equal hashes. A random `seed` per table keeps senders
 * from choosing who collides. */
uint32_t bl_address_hash (const BlAddress *address, uint32_t seed);
