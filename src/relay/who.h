/* SPDX-License-Identifier: Apache-2.0
 *
 * Who makes a request, once the credential has been judged: what the route
 * table, the calls and the audit need of it.
 */
#pragma once

#include "relay/route.h"
#include "store/audit.h"
#include "store/users.h"

typedef struct {
  guint roles; /* of BlRole; always with BL_ROLE_ANYBODY */
  BlActorKind actor;
  char *name;         /* for the audit; NULL: nobody */
  char *display_name; /* for other people to see; NULL: nobody */
  /* One text for one credential's holder: "user 3", "unit RTW-1", "token 5".
   * Who made a session may change and end it. NULL: nobody. */
  char *owner;
  gboolean by_cookie; /* then a page may be abused: see CSRF */
  BlUserRole user_role;
  gint64 user;   /* 0: none */
  char *unit;    /* NULL: none */
  gint64 token;  /* 0: none */
  char *subject; /* of the token: an ED or a call; NULL: none */
} BlWho;

void bl_who_clear (BlWho *who);
