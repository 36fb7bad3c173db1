{{- define "driftmeter.name" -}}
{{- if contains "driftmeter" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-driftmeter" (.Release.Name | trunc 29 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{- define "driftmeter.selector" -}}
app.kubernetes.io/name: driftmeter
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "driftmeter.labels" -}}
{{ include "driftmeter.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: driftmeter
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- /* root, image: repository, tag, digest. */ -}}
{{- define "driftmeter.imageOf" -}}
{{- if .image.digest -}}
{{ printf "%s@%s" .image.repository .image.digest }}
{{- else -}}
{{ printf "%s:%s" .image.repository (default .root.Chart.AppVersion .image.tag) }}
{{- end -}}
{{- end -}}

{{- define "driftmeter.image" -}}
{{ include "driftmeter.imageOf" (dict "root" . "image" .Values.image) }}
{{- end -}}

{{- define "driftmeter.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "driftmeter.name" .) .Values.serviceAccount.name }}
{{- else -}}
{{ default "default" .Values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{- /* Whether one pod runs everything, with a broker of its own. */ -}}
{{- define "driftmeter.isTrial" -}}
{{- if not .Values.kafka.servers -}}yes{{- end -}}
{{- end -}}

{{- /* Whether clients must prove themselves to Kafka. */ -}}
{{- define "driftmeter.kafkaIsSecured" -}}
{{- if or .Values.kafka.securitySecret .Values.kafka.strimzi.cluster -}}yes{{- end -}}
{{- end -}}

{{- define "driftmeter.strimziAuthority" -}}
{{- with .Values.kafka.strimzi -}}
{{ default (printf "%s-cluster-ca-cert" .cluster) .authoritySecret }}
{{- end -}}
{{- end -}}

{{- define "driftmeter.tokensSecret" -}}
{{ default (printf "%s-tokens" (include "driftmeter.name" .)) .Values.api.tokensSecret }}
{{- end -}}

{{- /* What every pod of ours has, whatever its role. */ -}}
{{- define "driftmeter.pod" -}}
serviceAccountName: {{ include "driftmeter.serviceAccount" . }}
{{ include "driftmeter.podOfAnybody" . }}
{{- end -}}

{{- /* The same without an account. */ -}}
{{- define "driftmeter.podOfAnybody" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
securityContext: {{ toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{- /* On which nodes: root, and gpu (what a pod that needs one asks for) or nothing. */ -}}
{{- define "driftmeter.placement" -}}
{{- $gpu := .gpu | default dict -}}
{{- with merge (dict) ($gpu.nodeSelector | default dict) .root.Values.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with concat .root.Values.tolerations ($gpu.tolerations | default list) }}
tolerations: {{ toJson . }}
{{- end }}
{{- with .root.Values.affinity }}
affinity: {{ toJson . }}
{{- end }}
{{- with $gpu.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- end -}}

{{- define "driftmeter.podMetadata" -}}
labels:
  {{- include "driftmeter.labels" .root | nindent 2 }}
  app.kubernetes.io/component: {{ .role }}
  {{- with .root.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .root.Values.podAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "driftmeter.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- /* Of a role, and no more than it reads: root, role. */ -}}
{{- define "driftmeter.environment" -}}
{{- $values := .root.Values -}}
- name: DRIFTMETER_LOG_FORMAT
  value: json
- name: DRIFTMETER_TOPIC_PREFIX
  value: {{ $values.kafka.topicPrefix | quote }}
{{- with $values.kafka.servers }}
- name: DRIFTMETER_BROKER
  value: {{ join "," . | quote }}
{{- end }}
{{- if include "driftmeter.kafkaIsSecured" .root }}
- name: DRIFTMETER_BROKER_SECURITY
  value: /etc/driftmeter/kafka/kafka.properties
{{- end }}
{{- if ne .role "collector" }}
{{- with $values.references.store }}
- name: DRIFTMETER_STORE
  value: {{ . | quote }}
{{- end }}
{{- if ne .role "aggregate" }}
{{- with $values.database.secret }}
- name: DRIFTMETER_DATABASE
  valueFrom:
    secretKeyRef: {name: {{ . }}, key: {{ $values.database.key }}}
{{- end }}
{{- with $values.api.baseUrl }}
- name: DRIFTMETER_BASE_URL
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- with $values.tracing.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
- name: OTEL_TRACES_SAMPLER
  value: parentbased_traceidratio
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ $values.tracing.samplingRatio | quote }}
{{- end }}
{{- end -}}

{{- define "driftmeter.environmentFrom" -}}
{{- with .Values.references.envSecret }}
envFrom:
  - secretRef: {name: {{ . }}}
{{- end }}
{{- end -}}

{{- define "driftmeter.mounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if include "driftmeter.kafkaIsSecured" . }}
- {name: kafka, mountPath: /etc/driftmeter/kafka, readOnly: true}
{{- end }}
{{- end -}}

{{- /* root, role: by which it proves itself to Kafka. */ -}}
{{- define "driftmeter.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
{{- $name := include "driftmeter.name" .root }}
{{- with .root.Values.kafka }}
{{- if .securitySecret }}
- name: kafka
  secret: {secretName: {{ .securitySecret }}}
{{- else if .strimzi.cluster }}
- name: kafka
  projected:
    sources:
      - configMap: {name: {{ $name }}-kafka, items: [{key: {{ $.role }}.properties, path: kafka.properties}]}
      - secret: {name: {{ $name }}-{{ $.role }}, items: [{key: password, path: password}]}
      - secret: {name: {{ include "driftmeter.strimziAuthority" $.root }}, items: [{key: ca.crt, path: ca.crt}]}
{{- end }}
{{- end }}
{{- end -}}

{{- define "driftmeter.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: {{ . }}}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: {{ . }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: {{ . }}}
  periodSeconds: 5
  timeoutSeconds: 3
{{- end -}}

{{- define "driftmeter.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "driftmeter.selector" .root | nindent 8 }}
        app.kubernetes.io/component: {{ .role }}
{{- end -}}

{{- /* What must be given together; the message says what to do. */ -}}
{{- define "driftmeter.validate" -}}
{{- if .Values.kafka.servers -}}
{{- if not .Values.database.secret -}}
{{- fail "kafka.servers is given, so the roles run apart: database.secret must name a secret with a PostgreSQL URL (key database.key), for they share their state" -}}
{{- end -}}
{{- if not .Values.references.store -}}
{{- fail "kafka.servers is given, so the roles run apart: references.store must be a URL that all of them reach, such as s3://bucket/references" -}}
{{- end -}}
{{- with .Values.aggregate.autoscaling -}}
{{- if and (eq .kind "keda") $.Values.kafka.securitySecret (not .authentication) -}}
{{- fail "KEDA asks Kafka how much is left to read, and Kafka asks who it is: aggregate.autoscaling.authentication must name a TriggerAuthentication" -}}
{{- end -}}
{{- end -}}
{{- else if .Values.kafka.strimzi.cluster -}}
{{- fail "kafka.strimzi.cluster is given: kafka.servers must be its bootstrap address, such as my-cluster-kafka-bootstrap:9093" -}}
{{- else if .Values.collector.enabled -}}
{{- fail "collector.enabled needs kafka.servers: the trial takes pushes and logs itself" -}}
{{- else if .Values.database.secret -}}
{{- fail "database.secret is given without kafka.servers: the trial keeps its state in SQLite on its volume" -}}
{{- end -}}
{{- end -}}
