// Package random lets three replicas on one MariaDB live through minutes of what a
// fleet, its operators and TarsWeb do at random, while replicas are killed, frozen
// and cut off from the database and the database itself is killed and frozen. A
// model that knows nothing of the registry's code says what must come of it:
//
//   - at rest the tables are what the model says: nothing acknowledged is lost;
//   - at rest every replica answers what the tables say, and all answer the same;
//   - whoever was acknowledged is found at once by look-ups at the same replica;
//   - no instance whose heartbeats were answered has expired, and no pod was told
//     that it was superseded or had left when it was not so;
//   - no answered look-up ever lacked the endpoints that were there all the time.
//
// It has tests only. TARSREGISTRY_RANDOM_SEED repeats the choices of a run (not the
// order in which they meet), TARSREGISTRY_RANDOM_FOR=10m makes it longer.
package random
