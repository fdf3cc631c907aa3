/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/candidate.h"

#include <arpa/inet.h>
#include <glib.h>
#include <string.h>

static const char *const type_names[] = {
  [BL_CANDIDATE_HOST] = "host",
  [BL_CANDIDATE_SRFLX] = "srflx",
  [BL_CANDIDATE_PRFLX] = "prflx",
  [BL_CANDIDATE_RELAY] = "relay",
};

static const char *const tcp_names[] = {
  [BL_CANDIDATE_TCP_ACTIVE] = "active",
  [BL_CANDIDATE_TCP_PASSIVE] = "passive",
  [BL_CANDIDATE_TCP_SO] = "so",
};

/* One field between single or more spaces; empty at the end. */
typedef struct {
  const char *at;
  size_t length;
} Field;

typedef struct {
  const char *at;
  const char *end;
} Cursor;

static Field
next_field (Cursor *c)
{
  while (c->at < c->end && *c->at == ' ')
    c->at++;
  Field field = { .at = c->at };
  while (c->at < c->end && *c->at != ' ')
    c->at++;
  field.length = (size_t)(c->at - field.at);
  return field;
}

static bool
is_word (Field field, const char *word)
{
  return field.length == strlen (word)
         && g_ascii_strncasecmp (field.at, word, field.length) == 0;
}

/* Leaves `out` untouched if the field is empty or doesn't fit. */
static bool
copy_field (Field field, char *out, size_t size)
{
  if (field.length == 0 || field.length >= size)
    return false;
  for (size_t i = 0; i < field.length; i++) {
    if (!g_ascii_isgraph (field.at[i]))
      return false;
  }
  memcpy (out, field.at, field.length);
  out[field.length] = '\0';
  return true;
}

static bool
read_number (Field field, uint32_t minimum, uint32_t maximum, uint32_t *out)
{
  uint64_t value = 0;
  if (field.length == 0 || field.length > 10)
    return false;
  for (size_t i = 0; i < field.length; i++) {
    if (!g_ascii_isdigit (field.at[i]))
      return false;
    value = value * 10 + (uint64_t)(field.at[i] - '0');
  }
  if (value < minimum || value > maximum)
    return false;
  *out = (uint32_t)value;
  return true;
}

static bool
is_host_name (const char *text)
{
  if (!g_ascii_isalnum (*text))
    return false;
  for (const char *c = text; *c; c++) {
    if (!g_ascii_isalnum (*c) && *c != '-' && *c != '.')
      return false;
  }
  return true;
}

static BlCandidateResult
read_address (Field field, char *out)
{
  uint8_t bytes[sizeof (struct in6_addr)];
  if (field.length >= BL_CANDIDATE_ADDRESS_SIZE)
    return BL_CANDIDATE_LONG;
  if (!copy_field (field, out, BL_CANDIDATE_ADDRESS_SIZE))
    return BL_CANDIDATE_ADDRESS;
  if (inet_pton (AF_INET, out, bytes) == 1
      || inet_pton (AF_INET6, out, bytes) == 1)
    return BL_CANDIDATE_OK;
  /* Dots and digits alone are a mistyped address, not a name. */
  if (strspn (out, "0123456789.") == field.length || !is_host_name (out))
    return BL_CANDIDATE_ADDRESS;
  return BL_CANDIDATE_OK;
}

static bool
read_type (Field field, BlCandidateType *out_type)
{
  for (size_t i = 0; i < G_N_ELEMENTS (type_names); i++) {
    if (is_word (field, type_names[i])) {
      *out_type = (BlCandidateType)i;
      return true;
    }
  }
  return false;
}

static BlCandidateResult
read_extension (Field name, Field value, bool tcp, BlCandidate *c)
{
  uint32_t number;
  if (is_word (name, "raddr"))
    return read_address (value, c->related_address);
  if (is_word (name, "rport")) {
    if (!read_number (value, 0, 65535, &number))
      return BL_CANDIDATE_NUMBER;
    c->related_port = (uint16_t)number;
  } else if (tcp && is_word (name, "tcptype")) {
    for (size_t i = BL_CANDIDATE_TCP_ACTIVE; i < G_N_ELEMENTS (tcp_names); i++)
      if (is_word (value, tcp_names[i]))
        c->transport = (BlCandidateTransport)i;
  }
  return BL_CANDIDATE_OK;
}

BlCandidateResult
bl_candidate_parse (const char *text, size_t length, BlCandidate *out_candidate)
{
  static const char prefix[] = "candidate:";
  Cursor cursor = { .at = text, .end = text + length };
  if (length >= 2 && strncmp (text, "a=", 2) == 0)
    cursor.at += 2;
  if ((size_t)(cursor.end - cursor.at) < sizeof prefix - 1
      || strncmp (cursor.at, prefix, sizeof prefix - 1) != 0)
    return BL_CANDIDATE_SHORT;
  cursor.at += sizeof prefix - 1;

  Field foundation = next_field (&cursor), component = next_field (&cursor);
  Field transport = next_field (&cursor), priority = next_field (&cursor);
  Field address = next_field (&cursor), port = next_field (&cursor);
  Field typ = next_field (&cursor), type = next_field (&cursor);
  if (type.length == 0)
    return BL_CANDIDATE_SHORT;

  BlCandidate c = { .transport = BL_CANDIDATE_UDP };
  bool tcp = is_word (transport, "tcp");
  if (tcp)
    c.transport = BL_CANDIDATE_TCP_ACTIVE;
  else if (!is_word (transport, "udp"))
    return BL_CANDIDATE_TRANSPORT;
  if (!copy_field (foundation, c.foundation, sizeof c.foundation))
    return BL_CANDIDATE_LONG;
  uint32_t component_number, port_number;
  if (!read_number (component, 1, 256, &component_number)
      || !read_number (priority, 0, UINT32_MAX, &c.priority)
      || !read_number (port, 0, 65535, &port_number))
    return BL_CANDIDATE_NUMBER;
  c.component = (uint16_t)component_number;
  c.port = (uint16_t)port_number;
  BlCandidateResult result = read_address (address, c.address);
  if (result != BL_CANDIDATE_OK)
    return result;
  if (!is_word (typ, "typ") || !read_type (type, &c.type))
    return BL_CANDIDATE_TYPE;

  for (;;) {
    Field name = next_field (&cursor), value = next_field (&cursor);
    if (value.length == 0)
      break;
    result = read_extension (name, value, tcp, &c);
    if (result != BL_CANDIDATE_OK)
      return result;
  }
  *out_candidate = c;
  return BL_CANDIDATE_OK;
}

const char *
bl_candidate_type_name (BlCandidateType type)
{
  return type_names[type];
}

const char *
bl_candidate_result_text (BlCandidateResult result)
{
  static const char *const texts[] = {
    [BL_CANDIDATE_OK] = "is right",
    [BL_CANDIDATE_SHORT]
    = "has too few fields; expected “candidate:FOUNDATION "
      "COMPONENT TRANSPORT PRIORITY ADDRESS PORT typ TYPE”",
    [BL_CANDIDATE_NUMBER] = "has a component, priority or port out of range",
    [BL_CANDIDATE_ADDRESS] = "has an address that is neither IPv4, IPv6 nor "
                             "a host name",
    [BL_CANDIDATE_TYPE] = "has no “typ” of host, srflx, prflx or relay",
    [BL_CANDIDATE_TRANSPORT] = "has a transport that is neither udp nor tcp",
    [BL_CANDIDATE_LONG] = "has a field that is too long or not plain text",
  };
  return texts[result];
}

void
bl_candidate_format (const BlCandidate *candidate,
                     char out_text[BL_CANDIDATE_TEXT_SIZE])
{
  const BlCandidate *c = candidate;
  bool udp = c->transport == BL_CANDIDATE_UDP;
  int used = g_snprintf (out_text, BL_CANDIDATE_TEXT_SIZE,
                         "candidate:%s %u %s %u %s %u typ %s", c->foundation,
                         c->component, udp ? "udp" : "tcp", c->priority,
                         c->address, c->port, type_names[c->type]);
  if (*c->related_address)
    used += g_snprintf (out_text + used, BL_CANDIDATE_TEXT_SIZE - (gulong)used,
                        " raddr %s rport %u", c->related_address,
                        c->related_port);
  if (!udp)
    g_snprintf (out_text + used, BL_CANDIDATE_TEXT_SIZE - (gulong)used,
                " tcptype %s", tcp_names[c->transport]);
}

uint32_t
bl_candidate_priority (BlCandidateType type, uint16_t preference)
{
  static const uint32_t type_preferences[] = {
    [BL_CANDIDATE_HOST] = 126,
    [BL_CANDIDATE_SRFLX] = 100,
    [BL_CANDIDATE_PRFLX] = 110,
    [BL_CANDIDATE_RELAY] = 0,
  };
  return type_preferences[type] << 24 | (uint32_t)preference << 8 | 255;
}
