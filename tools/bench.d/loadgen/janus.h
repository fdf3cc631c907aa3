/* SPDX-License-Identifier: Apache-2.0
 *
 * Janus's streaming plugin over its plain HTTP API: a session and a handle of
 * its own for each viewer, then "watch", Janus's offer, and "start" with our
 * answer. Asynchronous, in the thread's default main context.
 */
#pragma once

#include <gio/gio.h>

typedef struct LgJanus LgJanus;
typedef struct LgJanusViewer LgJanusViewer;

typedef struct {
  /* "watch" leaves now. */
  void (*asking) (gpointer user_data);
  /* The offer came: the answer (taken), or NULL to give up. */
  char *(*offered) (const char *offer, gpointer user_data);
  void (*failed) (const char *why, gpointer user_data);
} LgJanusEvents;

/* `url`: "http://host:8088/janus". `viewers`: connections at a time. */
LgJanus *lg_janus_new (const char *url, int mountpoint, int viewers,
                       const LgJanusEvents *events);
void lg_janus_free (LgJanus *janus);

LgJanusViewer *lg_janus_watch (LgJanus *janus, gpointer user_data);

/* Keeps the session, whose time is up after 60 s without a request. */
void lg_janus_keep (LgJanusViewer *viewer);

/* The session ends; `done` is called whatever comes of it, and then the viewer
 * is gone. */
void lg_janus_leave (LgJanusViewer *viewer, void (*done) (gpointer),
                     gpointer done_data);
