/* SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "[" and "]" and the NUL. */
#define HOST_BYTES (INET6_ADDRSTRLEN + 3)

/* `length` characters of `host`, without brackets if it has both. */
static bool
parse_host (const char *host, size_t length, uint16_t port,
            BlAddress *out_address)
{
  char text[HOST_BYTES];
  bool brackets = length >= 2 && host[0] == '[' && host[length - 1] == ']';
  if (brackets) {
    host++;
    length -= 2;
  }
  if (length == 0 || length >= sizeof text)
    return false;
  memcpy (text, host, length);
  text[length] = '\0';

  BlAddress address = { 0 };
  if (!brackets && inet_pton (AF_INET, text, &address.in4.sin_addr) == 1) {
    address.in4.sin_family = AF_INET;
    address.in4.sin_port = htons (port);
    address.length = sizeof address.in4;
  } else if (inet_pton (AF_INET6, text, &address.in6.sin6_addr) == 1) {
    address.in6.sin6_family = AF_INET6;
    address.in6.sin6_port = htons (port);
    address.length = sizeof address.in6;
  } else {
    return false;
  }
  *out_address = address;
  return true;
}

bool
bl_address_parse (const char *host, uint16_t port, BlAddress *out_address)
{
  return parse_host (host, strlen (host), port, out_address);
}

bool
bl_address_parse_port (const char *text, BlAddress *out_address)
{
  const char *colon = strrchr (text, ':');
  if (!colon)
    return false;
  /* Without brackets the last group of an IPv6 address would be the port. */
  if (text[0] != '[' && memchr (text, ':', (size_t)(colon - text)))
    return false;

  const char *digits = colon + 1;
  size_t n_digits = strspn (digits, "0123456789");
  if (n_digits == 0 || n_digits > 5 || digits[n_digits] != '\0')
    return false;
  unsigned long port = strtoul (digits, NULL, 10);
  if (port > UINT16_MAX)
    return false;
  return parse_host (text, (size_t)(colon - text), (uint16_t)port, out_address);
}

bool
bl_address_is_ipv6 (const BlAddress *address)
{
  return address->length > 0 && address->any.sa_family == AF_INET6;
}

const char *
bl_address_format_host (const BlAddress *address,
                        char out_text[BL_ADDRESS_TEXT_BYTES])
{
  const void *bytes = bl_address_is_ipv6 (address)
                          ? (const void *)&address->in6.sin6_addr
                          : (const void *)&address->in4.sin_addr;
  if (address->length == 0
      || !inet_ntop (address->any.sa_family, bytes, out_text,
                     BL_ADDRESS_TEXT_BYTES))
    snprintf (out_text, BL_ADDRESS_TEXT_BYTES, "none");
  return out_text;
}

const char *
bl_address_format (const BlAddress *address,
                   char out_text[BL_ADDRESS_TEXT_BYTES])
{
  char host[BL_ADDRESS_TEXT_BYTES];
  bl_address_format_host (address, host);
  if (bl_address_is_ipv6 (address))
    snprintf (out_text, BL_ADDRESS_TEXT_BYTES, "[%.45s]:%u", host,
              bl_address_port (address));
  else if (address->length > 0)
    snprintf (out_text, BL_ADDRESS_TEXT_BYTES, "%.45s:%u", host,
              bl_address_port (address));
  else
    snprintf (out_text, BL_ADDRESS_TEXT_BYTES, "%.45s", host);
  return out_text;
}

uint16_t
bl_address_port (const BlAddress *address)
{
  if (address->length == 0)
    return 0;
  return ntohs (bl_address_is_ipv6 (address) ? address->in6.sin6_port
                                             : address->in4.sin_port);
}

void
bl_address_unmap (BlAddress *address)
{
  if (!bl_address_is_ipv6 (address)
      || !IN6_IS_ADDR_V4MAPPED (&address->in6.sin6_addr))
    return;
  struct sockaddr_in in4
      = { .sin_family = AF_INET, .sin_port = address->in6.sin6_port };
  memcpy (&in4.sin_addr, &address->in6.sin6_addr.s6_addr[12], 4);
  *address = (BlAddress){ .in4 = in4, .length = sizeof in4 };
}

bool
bl_address_equal (const BlAddress *a, const BlAddress *b)
{
  if (a->length == 0 || b->length == 0)
    return a->length == b->length;
  if (a->any.sa_family != b->any.sa_family)
    return false;
  if (!bl_address_is_ipv6 (a))
    return a->in4.sin_port == b->in4.sin_port
           && a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
  return a->in6.sin6_port == b->in6.sin6_port
         && a->in6.sin6_scope_id == b->in6.sin6_scope_id
         && memcmp (&a->in6.sin6_addr, &b->in6.sin6_addr,
                    sizeof a->in6.sin6_addr)
                == 0;
}

static uint32_t
mix (uint32_t hash, uint32_t word)
{
  hash = (hash ^ word) * UINT32_C (0x9e3779b1);
  return hash ^ hash >> 15;
}

uint32_t
bl_address_hash (const BlAddress *address, uint32_t seed)
{
  uint32_t words[4] = { 0 };
  if (bl_address_is_ipv6 (address))
    memcpy (words, &address->in6.sin6_addr, 16);
  else if (address->length > 0)
    memcpy (words, &address->in4.sin_addr, 4);

  uint32_t hash = mix (seed, bl_address_port (address));
  for (size_t i = 0; i < 4; i++)
    hash = mix (hash, words[i]);
  return hash;
}
