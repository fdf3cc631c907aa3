/* SPDX-License-Identifier: Apache-2.0 */
#include "loss.h"

enum { SINGLE = 1, TURN, BURST };

ImpairLoss
impair_loss_init (uint64_t seed)
{
  return (ImpairLoss){ .single = impair_random_init (seed, SINGLE),
                       .turn = impair_random_init (seed, TURN),
                       .burst = impair_random_init (seed, BURST) };
}

bool
impair_loss_next (ImpairLoss *loss, const ImpairSettings *s)
{
  /* Each stream moves by one a packet, whatever the settings are. */
  double single = impair_random_share (&loss->single);
  double turn = impair_random_share (&loss->turn);
  double burst = impair_random_share (&loss->burst);
  if (s->ge_to_bad <= 0)
    loss->bad = false;
  else if (turn < (loss->bad ? s->ge_to_good : s->ge_to_bad))
    loss->bad = !loss->bad;
  return single < s->loss
         || burst < (loss->bad ? s->ge_loss_in_bad : s->ge_loss_in_good);
}
