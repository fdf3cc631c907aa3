/* SPDX-License-Identifier: Apache-2.0
 *
 * Which packets a link loses: each for itself, and in bursts (Gilbert-Elliott:
 * two states, a chance a packet to change, a loss of their own). What happens
 * to the nth packet depends on the seed, n and the settings alone. A value.
 */
#pragma once

#include "random.h"
#include "settings.h"

typedef struct {
  ImpairRandom single, turn, burst;
  bool bad;
} ImpairLoss;

ImpairLoss impair_loss_init (uint64_t seed);

/* Is the next packet lost? */
bool impair_loss_next (ImpairLoss *loss, const ImpairSettings *settings);
