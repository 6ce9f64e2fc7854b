package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Sample is one gauge or counter of the registry's state.
type Sample struct {
	Name    string // without the namespace, with its unit
	Help    string
	Counter bool // it only ever grows
	Label   string
	Values  map[string]float64 // by the label's value; "" where there is no label
}

// State collects samples when metrics are asked for.
type State func() []Sample

// Describe says nothing: samples are told as they come.
func (s State) Describe(chan<- *prometheus.Desc) {}

// Collect reads the state.
func (s State) Collect(out chan<- prometheus.Metric) {
	for _, sample := range s() {
		kind := prometheus.GaugeValue
		if sample.Counter {
			kind = prometheus.CounterValue
		}
		var labels []string
		if sample.Label != "" {
			labels = []string{sample.Label}
		}
		description := prometheus.NewDesc(namespace+"_"+sample.Name, sample.Help, labels, nil)
		for value, number := range sample.Values {
			var values []string
			if sample.Label != "" {
				values = []string{value}
			}
			out <- prometheus.MustNewConstMetric(description, kind, number, values...)
		}
	}
}
