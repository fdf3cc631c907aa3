/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/claim.h"

#include "suite.h"

#define UNIT  "RTW-1", 0
#define OTHER "RTW-2", 0
#define TOKEN NULL, 7

static const struct {
  const char *name;
  BlClaimed call;
  BlClaimant who;
  BlClaim claim;
} rows[] = {
  { "a call that is not known is opened",
    { .state = BL_CLAIMED_UNKNOWN },
    { UNIT, "north" },
    BL_CLAIM_OPEN },
  { "its unit resumes it while its publisher is gone",
    { BL_CLAIMED_OPEN, UNIT, "north", FALSE },
    { UNIT, "north" },
    BL_CLAIM_RESUME },
  { "its unit replaces even a publisher that looks alive",
    { BL_CLAIMED_OPEN, UNIT, "north", TRUE },
    { UNIT, "north" },
    BL_CLAIM_RESUME },
  { "another unit may not have it",
    { BL_CLAIMED_OPEN, UNIT, "north", FALSE },
    { OTHER, "north" },
    BL_CLAIM_FOREIGN },
  { "nor when it has ended",
    { BL_CLAIMED_ENDED, UNIT, "north", FALSE },
    { OTHER, "north" },
    BL_CLAIM_FOREIGN },
  { "a token may not have a unit's call",
    { BL_CLAIMED_OPEN, UNIT, "north", FALSE },
    { TOKEN, "north" },
    BL_CLAIM_FOREIGN },
  { "a unit may not have a token's call",
    { BL_CLAIMED_OPEN, TOKEN, "north", FALSE },
    { UNIT, "north" },
    BL_CLAIM_FOREIGN },
  { "one token may not have another's",
    { BL_CLAIMED_OPEN, NULL, 8, "north", FALSE },
    { TOKEN, "north" },
    BL_CLAIM_FOREIGN },
  { "a call does not move to another ED",
    { BL_CLAIMED_OPEN, UNIT, "north", FALSE },
    { UNIT, "south" },
    BL_CLAIM_OTHER_ED },
  { "nor after the relay's restart",
    { BL_CLAIMED_INTERRUPTED, UNIT, "north", FALSE },
    { UNIT, "south" },
    BL_CLAIM_OTHER_ED },
  { "an interrupted call is reopened by its unit",
    { BL_CLAIMED_INTERRUPTED, UNIT, "north", FALSE },
    { UNIT, "north" },
    BL_CLAIM_REOPEN },
  { "and by its token",
    { BL_CLAIMED_INTERRUPTED, TOKEN, "north", FALSE },
    { TOKEN, "north" },
    BL_CLAIM_REOPEN },
  { "a call that has ended stays ended",
    { BL_CLAIMED_ENDED, UNIT, "north", FALSE },
    { UNIT, "north" },
    BL_CLAIM_OVER },
  { "a token resumes its call while the publisher is gone",
    { BL_CLAIMED_OPEN, TOKEN, "north", FALSE },
    { TOKEN, "north" },
    BL_CLAIM_RESUME },
  { "a token's live publisher is not replaced",
    { BL_CLAIMED_OPEN, TOKEN, "north", TRUE },
    { TOKEN, "north" },
    BL_CLAIM_BUSY },
};

START_TEST (a_publisher_gets_what_the_calls_identity_allows)
{
  ck_assert_msg (bl_claim_decide (&rows[_i].call, &rows[_i].who)
                     == rows[_i].claim,
                 "%s", rows[_i].name);
}
END_TEST

START_TEST (a_calls_name_is_short_and_plain)
{
  g_autofree char *most = g_strnfill (64, 'a');
  g_autofree char *more = g_strnfill (65, 'a');
  ck_assert (bl_claim_id_is_valid (most));
  ck_assert (!bl_claim_id_is_valid (more));
  ck_assert (bl_claim_id_is_valid ("9f1c2a52-7b1e-4f7e-9a52-0c1d2e3f4a5b"));
  ck_assert (bl_claim_id_is_valid ("A_-z9"));
  ck_assert (!bl_claim_id_is_valid (""));
  ck_assert (!bl_claim_id_is_valid ("a b"));
  ck_assert (!bl_claim_id_is_valid ("a/b"));
  ck_assert (!bl_claim_id_is_valid ("../../etc"));
  ck_assert (!bl_claim_id_is_valid ("a\r\nb"));
  ck_assert (!bl_claim_id_is_valid ("\xc3\xa4"));
}
END_TEST

int
main (void)
{
  const SuiteTest tests[] = {
    { a_publisher_gets_what_the_calls_identity_allows, G_N_ELEMENTS (rows) },
    { a_calls_name_is_short_and_plain, 0 },
  };
  return run_table ("relay/claim", tests, G_N_ELEMENTS (tests), NULL, NULL);
}
