// Package sweep finds who has gone quiet. It expires leases that have run out,
// and never because of an outage of the registry, the database, a replica's
// network or a clock (R18); protection holds it when too many would go at once
// (R20).
//
// What is not obvious of it:
//
//   - After a clock has jumped, or the sweep lease was taken, a whole lease time
//     has to pass before anybody of that lease time expires. Two readings of the
//     same heartbeat 10 s apart prove little by themselves: a pod that beats every
//     30 s passes that test.
//   - Heartbeats stop one after the other even when all stop at once, because
//     pods beat at different moments. Who expired within the last two lease times
//     therefore counts with who would expire now; otherwise an outage would empty
//     an installation a few at a time, each sweep below the threshold.
//   - Who is held goes on counting however old the last heartbeat becomes, and
//     who is let go counts until protection ends. Otherwise protection would end
//     by waiting, and all would go at once.
//   - When protection ends because the others return, those who were held have a
//     lease time more: they may be on their way.
//   - Health is proven by what others send. Where nobody sends anything the dead
//     cannot be told from a registry that nothing reaches: everybody counts, and
//     it takes ten times as long until they are let go.
package sweep
