{{- /*
Who listens where, and who calls whom: the network policies are made of it.
serves: ports for callers, and `to` which of our own; takes: for who has rows; measured: for Prometheus; admits: for the
cluster's API server; calls: what driftmeter.destination knows.
*/ -}}
{{- define "driftmeter.flows" -}}
{{- $callers := list "test" -}}
{{- if .Values.controller.enabled }}{{- $callers = append $callers "controller" }}{{- end -}}
{{- if include "driftmeter.isTrial" . -}}
trial: {serves: [8600, 9001], to: {{ toJson $callers }}, measured: [8600, 9001, 9102, 9103], calls: [references, notifications, tracing]}
test: {calls: [trial, pushes]}
{{- else -}}
{{- if .Values.monitors }}{{- $callers = append $callers "declare" }}{{- end -}}
aggregate: {measured: [9102], calls: [kafka, references, tracing]}
detect: {measured: [9103], calls: [kafka, database, references, tracing]}
server: {serves: [8600], to: {{ toJson $callers }}, measured: [8600], calls: [kafka, database, references, notifications, tracing]}
test: {calls: [server, kafka, tracing]}
{{- if .Values.collector.enabled }}
collector: {takes: [9001], measured: [9001], calls: [kafka, tracing]}
{{- end }}
{{- if .Values.monitors }}
declare: {calls: [server]}
{{- end }}
{{- end }}
{{- if .Values.controller.enabled }}
controller: {calls: [{{ ternary "trial" "server" (eq (include "driftmeter.isTrial" .) "yes") }}, kubernetes]}
{{- end }}
{{- if .Values.injector.enabled }}
injector: {admits: [9443]}
{{- end }}
{{- end -}}

{{- /* Where a flow ends: its ports, and to whom; to whoever listens there if `to` is empty. */ -}}
{{- define "driftmeter.destination" -}}
{{- $own := dict "server" 8600 "trial" 8600 "pushes" 9001 -}}
{{- if hasKey $own .called -}}
ports: [{{ index $own .called }}]
to:
  - podSelector:
      matchLabels:
        {{- include "driftmeter.selector" .root | nindent 8 }}
        app.kubernetes.io/component: {{ ternary "trial" .called (eq .called "pushes") }}
{{- else -}}
{{- $known := dict "kafka" .root.Values.kafka.servers "tracing" (without (list .root.Values.tracing.endpoint) "") -}}
{{- $where := index .root.Values.networkPolicy.egress .called -}}
{{- $ports := $where.ports | default list -}}
{{- if not $ports }}
{{- range index $known .called | default list }}
{{- $ports = append $ports (regexFind "[0-9]+/?$" . | trimSuffix "/" | default "4318" | int) }}
{{- end }}
{{- end -}}
ports: {{ $ports | uniq | toJson }}
to: {{ $where.to | default list | toJson }}
{{- end -}}
{{- end -}}

{{- /* What each role does with which topic, and which group it joins: Kafka's ACLs are made of it. */ -}}
{{- define "driftmeter.rights" -}}
aggregate: {reads: [predictions, labels, monitors], writes: [profiles, outliers, dead-letters], joins: [aggregate, counted]}
collector: {reads: [monitors], writes: [predictions, labels, dead-letters]}
detect: {reads: [profiles], writes: [reports, alerts]}
server: {reads: [predictions, labels, outliers, dead-letters], writes: [monitors, retrain, predictions, labels]}
{{- end -}}
