// Package sweep finds who has gone quiet. It expires leases that have run out,
// and never because of an outage of the registry, the database, a replica's
// network or a clock (R18); protection holds it when too many would go at once
// (R20).
package sweep
