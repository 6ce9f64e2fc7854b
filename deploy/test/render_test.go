package deploytest_test

import (
	"bytes"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

const (
	chartFolder = "../helm/tarsregistry"
	manifests   = "../manifests/"
)

var update = flag.Bool("update", false, "write the manifests as they are rendered")

// variants are the chart's values, by the name of the manifest made of them.
func variants() map[string]map[string]any {
	on := map[string]any{"enabled": true}
	return map[string]map[string]any{
		"registry.yaml":          {},
		"registry-embedded.yaml": {"database": map[string]any{"embedded": true}, "token": map[string]any{"existingSecret": ""}},
		"registry-full.yaml": {
			"replicas": 3, "serviceMonitor": on, "cleanJob": on, "podAddressCheck": true, "nodeAllow": []any{"10.0.0.0/8"},
			"token": map[string]any{"require": true},
			"tls":   map[string]any{"existingSecret": "registry-tls", "clientCA": true, "servants": []any{"query", "pod"}},
		},
	}
}

// render gives the documents of all templates, in the order of their names.
func render(values map[string]any) (string, error) {
	chart, err := loader.Load(chartFolder)
	if err != nil {
		return "", err
	}
	options := chartutil.ReleaseOptions{Name: "tars-registry", Namespace: "tars-system", IsInstall: true}
	all, err := chartutil.ToRenderValues(chart, values, options, chartutil.DefaultCapabilities)
	if err != nil {
		return "", err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return "", err
	}
	var names []string
	for name := range files {
		if strings.HasSuffix(name, ".yaml") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString("# Made from deploy/helm/tarsregistry; see deploy/README.md.\n")
	for _, name := range names {
		for _, document := range documents(files[name]) {
			b.WriteString("---\n" + document + "\n")
		}
	}
	return b.String(), nil
}

// documents splits YAML and drops what has only comments.
func documents(text string) []string {
	var list []string
	for part := range strings.SplitSeq("\n"+text, "\n---\n") {
		part = strings.TrimSpace(part)
		var content any
		if yaml.Unmarshal([]byte(part), &content) == nil && content == nil {
			continue
		}
		list = append(list, part)
	}
	return list
}

// monitor is the part of the Prometheus operator's type that is used.
type monitor struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels"`
	} `json:"metadata"`
	Spec struct {
		Selector struct {
			MatchLabels map[string]string `json:"matchLabels"`
		} `json:"selector"`
		Endpoints []struct {
			Port, Path, Interval, Scheme string
			TLSConfig                    map[string]any `json:"tlsConfig"`
		} `json:"endpoints"`
	} `json:"spec"`
}

// decode reads documents strictly: an unknown field is an error.
func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	kinds := map[string]func() any{
		"Deployment": func() any { return new(appsv1.Deployment) }, "Service": func() any { return new(corev1.Service) },
		"PersistentVolumeClaim": func() any { return new(corev1.PersistentVolumeClaim) },
		"PodDisruptionBudget":   func() any { return new(policyv1.PodDisruptionBudget) },
		"CronJob":               func() any { return new(batchv1.CronJob) },
		"ServiceMonitor":        func() any { return new(monitor) },
	}
	found := map[string]any{}
	for _, document := range documents(text) {
		var head struct{ Kind string }
		if err := yaml.Unmarshal([]byte(document), &head); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		made := kinds[head.Kind]
		if made == nil {
			t.Fatalf("unknown kind %q in\n%s", head.Kind, document)
		}
		object := made()
		if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
			t.Errorf("%s: %v in\n%s", head.Kind, err, document)
		}
		found[head.Kind] = object
	}
	return found
}

func TestManifestsAreRendered(t *testing.T) {
	for name, values := range variants() {
		got, err := render(values)
		if err != nil {
			t.Fatal(err)
		}
		decode(t, got)
		if *update {
			if err := os.WriteFile(manifests+name, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(manifests + name)
		if err != nil || !bytes.Equal(want, []byte(got)) {
			t.Errorf("%s is not what the chart gives (%v); make manifests", name, err)
		}
	}
}

func get[T any](t *testing.T, objects map[string]any, kind string) T {
	t.Helper()
	object, ok := objects[kind].(T)
	if !ok {
		t.Fatalf("there is no %s", kind)
	}
	return object
}

// TestPods holds every pod to what keeps it harmless and lets it drain.
func TestPods(t *testing.T) {
	for name, values := range variants() {
		text, err := render(values)
		if err != nil {
			t.Fatal(err)
		}
		objects := decode(t, text)
		deployment := get[*appsv1.Deployment](t, objects, "Deployment")
		pods := []corev1.PodSpec{deployment.Spec.Template.Spec}
		if job, ok := objects["CronJob"].(*batchv1.CronJob); ok {
			pods = append(pods, job.Spec.JobTemplate.Spec.Template.Spec)
		}
		for _, pod := range pods {
			context, container := pod.SecurityContext, pod.Containers[0].SecurityContext
			if !*context.RunAsNonRoot || *context.RunAsUser == 0 || *pod.AutomountServiceAccountToken || *pod.EnableServiceLinks ||
				!*container.ReadOnlyRootFilesystem || *container.AllowPrivilegeEscalation || container.Capabilities.Drop[0] != "ALL" {
				t.Errorf("%s: a pod may more than it needs: %+v %+v", name, context, container)
			}
			for _, variable := range pod.Containers[0].Env {
				if (variable.Name == "DB_DSN" || variable.Name == "TARS_TOKEN") && variable.ValueFrom.SecretKeyRef == nil {
					t.Errorf("%s: %s does not come from a secret", name, variable.Name)
				}
			}
		}
		pod := deployment.Spec.Template.Spec
		if *pod.TerminationGracePeriodSeconds < 15 {
			t.Errorf("%s: the grace period of %d s cuts a stop, which takes up to 10 s", name, *pod.TerminationGracePeriodSeconds)
		}
		container := pod.Containers[0]
		if container.ReadinessProbe.HTTPGet.Path != "/readyz" || container.LivenessProbe.HTTPGet.Path != "/healthz" {
			t.Errorf("%s: probes %+v %+v", name, container.ReadinessProbe, container.LivenessProbe)
		}
		service := get[*corev1.Service](t, objects, "Service")
		for key, value := range service.Spec.Selector {
			if deployment.Spec.Template.Labels[key] != value || deployment.Spec.Selector.MatchLabels[key] != value {
				t.Errorf("%s: the Service does not select the pods: %s", name, key)
			}
		}
	}
}

// TestEmbedded: two processes cannot share a file.
func TestEmbedded(t *testing.T) {
	text, err := render(map[string]any{"database": map[string]any{"embedded": true}, "replicas": 5})
	if err != nil {
		t.Fatal(err)
	}
	objects := decode(t, text)
	deployment := get[*appsv1.Deployment](t, objects, "Deployment")
	if *deployment.Spec.Replicas != 1 || deployment.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType {
		t.Errorf("%d replicas, %s", *deployment.Spec.Replicas, deployment.Spec.Strategy.Type)
	}
	get[*corev1.PersistentVolumeClaim](t, objects, "PersistentVolumeClaim")
	if objects["PodDisruptionBudget"] != nil {
		t.Error("a budget of one replica keeps machines from being drained")
	}
}

func TestValuesThatContradict(t *testing.T) {
	for name, values := range map[string]map[string]any{
		"a clean job without a token":      {"cleanJob": map[string]any{"enabled": true}, "token": map[string]any{"existingSecret": ""}},
		"a required token that is nowhere": {"token": map[string]any{"existingSecret": "", "require": true}},
	} {
		if _, err := render(values); err == nil || !strings.Contains(err.Error(), "token.existingSecret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestExampleServer decodes the manifest that is written by hand.
func TestExampleServer(t *testing.T) {
	text, err := os.ReadFile(manifests + "example-server.yaml")
	if err != nil {
		t.Fatal(err)
	}
	deployment := get[*appsv1.Deployment](t, decode(t, string(text)), "Deployment")
	names := map[string]bool{}
	for _, variable := range deployment.Spec.Template.Spec.Containers[0].Env {
		names[variable.Name] = true
	}
	for _, name := range []string{"POD_IP", "POD_UID", "TARS_GRACE_PERIOD"} {
		if !names[name] {
			t.Errorf("the example has no %s", name)
		}
	}
}
