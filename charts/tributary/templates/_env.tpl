{{/* What the process is told by its environment: one list for runs, provisioning and tests. */}}

{{/* (dict "name" NAME "field" F): F is a literal or {secret, key}. */}}
{{- define "tributary.field" -}}
- name: {{ .name }}
{{- if kindIs "map" .field }}
  valueFrom: {secretKeyRef: {name: {{ .field.secret }}, key: {{ .field.key }}}}
{{- else }}
  value: {{ .field | toString | quote }}
{{- end }}
{{- end -}}

{{/* The database. User and password are passed on their own, since a password in an address would have to be escaped,
which Kubernetes cannot do. */}}
{{- define "tributary.databaseEnv" -}}
{{- $pg := .Values.postgres -}}
{{- $from := dict "host" "host" "port" "port" "database" "dbname" "user" "username" "password" "password" -}}
{{- $names := dict "host" "PGHOST" "port" "PGPORT" "database" "PGDATABASE" "user" "PGUSER" "password" "PGPASSWORD" -}}
- {name: PGSSLMODE, value: {{ $pg.sslMode }}}
{{- if $pg.caSecret }}
- {name: PGSSLROOTCERT, value: /etc/tributary/postgres-ca/ca.crt}
{{- end }}
{{- if $pg.uri }}
{{ include "tributary.field" (dict "name" "DATABASE_URL" "field" $pg.uri) }}
{{- else }}
{{- range $field := list "host" "port" "database" "user" "password" }}
{{- $value := get $pg $field }}
{{- if empty $value }}{{ $value = dict "secret" $pg.secret "key" (get $from $field) }}{{ end }}
{{ include "tributary.field" (dict "name" (get $names $field) "field" $value) }}
{{- end }}
- {name: DATABASE_URL, value: "postgres://$(PGHOST):$(PGPORT)/$(PGDATABASE)"}
{{- end }}
{{- end -}}

{{/* The rest, the same for every container. */}}
{{- define "tributary.env" -}}
- {name: TRIBUTARY_DATA, value: /var/lib/tributary/data}
- {name: LOG, value: {{ .Values.telemetry.log | quote }}}
- {name: LOG_FORMAT, value: {{ .Values.telemetry.logFormat }}}
{{- with .Values.secrets }}
{{- if .name }}
{{ include "tributary.field" (dict "name" "TRIBUTARY_MASTER_KEY" "field" (dict "secret" .name "key" .masterKey)) }}
{{ include "tributary.field" (dict "name" "TRIBUTARY_SERVICE_CREDENTIAL" "field" (dict "secret" .name "key" .serviceCredential)) }}
{{- end }}
{{- end }}
{{- if eq .Values.profile "medium" }}
{{ include "tributary.databaseEnv" . }}
{{ include "tributary.field" (dict "name" "NATS_URL" "field" .Values.nats.url) }}
- {name: TRIBUTARY_NATS_CREDENTIALS, value: /etc/tributary/nats}
- {name: TRIBUTARY_REPLICAS, value: {{ include "tributary.streamReplicas" . | quote }}}
{{- end }}
{{- if .Values.caConfigMap }}
- {name: SSL_CERT_FILE, value: /etc/tributary/ca/ca.crt}
{{- end }}
{{- with .Values.telemetry }}
{{- if .otlpEndpoint }}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .otlpEndpoint | quote }}}
- {name: OTEL_TRACES_SAMPLER_ARG, value: {{ .traceShare | toString | quote }}}
- {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
- {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: "k8s.namespace.name=$(POD_NAMESPACE),k8s.pod.name=$(POD_NAME),service.version={{ $.Chart.AppVersion }}"
{{- end }}
{{- end }}
{{- end -}}

{{/* Where the language model is: told to the pods that answer, and to no other. */}}
{{- define "tributary.llmEnv" -}}
{{- with .root.Values.llm }}
{{- if and .url (has $.role (list "" "ai-agent")) }}
- {name: TRIBUTARY_LLM_URL, value: {{ .url | quote }}}
- {name: TRIBUTARY_LLM_MODEL, value: {{ .model | quote }}}
- {name: TRIBUTARY_LLM_WAIT_MS, value: {{ .waitMs | int | toString | quote }}}
{{- if .key }}
{{ include "tributary.field" (dict "name" "TRIBUTARY_LLM_KEY" "field" .key) }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Where a running process listens, and, for the role that asks, where the others answer. */}}
{{- define "tributary.networkEnv" -}}
- {name: TRIBUTARY_LISTEN_HTTP, value: "0.0.0.0:8080"}
- {name: TRIBUTARY_LISTEN_API, value: "0.0.0.0:8081"}
- {name: TRIBUTARY_LISTEN_ADMIN, value: "0.0.0.0:9090"}
{{- if .role }}
- {name: TRIBUTARY_LISTEN_GRPC, value: "0.0.0.0:50051"}
{{- $peers := list }}
{{- $fullname := include "tributary.fullname" .root }}
{{- range (get (include "tributary.roles" . | fromYaml) .role).asks }}
{{- $peers = append $peers (printf "%s=http://%s-%s:50051" . $fullname .) }}
{{- end }}
{{- with $peers }}
- {name: TRIBUTARY_PEERS, value: {{ join "," . | quote }}}
{{- end }}
{{- end }}
{{- end -}}
