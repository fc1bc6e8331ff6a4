{{/* Names, labels, the image, and the settings of a role. */}}

{{- define "tributary.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Short enough that the longest suffix, a role or the hash of a Job, stays within 63 characters. */}}
{{- define "tributary.fullname" -}}
{{- $name := include "tributary.name" . -}}
{{- $whole := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- default $whole .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "tributary.selector" -}}
app.kubernetes.io/name: {{ include "tributary.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "tributary.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "tributary.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "tributary.image" -}}
{{- $name := .Values.image.repository -}}
{{- with coalesce .Values.global.imageRegistry .Values.image.registry -}}
{{- $name = printf "%s/%s" (trimSuffix "/" .) $name -}}
{{- end -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $name .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "tributary.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "tributary.fullname" .) "default") -}}
{{- end -}}

{{/* The seven roles: the port that each serves, and whom it asks by gRPC. Console alone asks (docs/adr/0008). */}}
{{- define "tributary.roles" -}}
channel-ingest: {port: http, number: 8080}
identity: {port: grpc, number: 50051}
routing: {port: grpc, number: 50051}
ai-agent: {port: grpc, number: 50051}
lead-capture: {port: grpc, number: 50051}
analytics: {port: grpc, number: 50051}
console: {port: api, number: 8081, asks: [identity, routing, ai-agent, lead-capture, analytics]}
{{- end -}}

{{/* The names of the roles that are on, behind commas. */}}
{{- define "tributary.enabled" -}}
{{- $on := list -}}
{{- range $role, $_ := include "tributary.roles" . | fromYaml -}}
{{- if (get $.Values.services $role).enabled }}{{ $on = append $on $role }}{{ end -}}
{{- end -}}
{{- join "," $on -}}
{{- end -}}

{{/* A map without what is null or empty: Helm has merged values before, so only null says "as the profile". */}}
{{- define "tributary.known" -}}
{{- $known := dict -}}
{{- range $key, $value := . -}}
{{- if kindIs "map" $value -}}
{{- $inner := include "tributary.known" $value | fromYaml -}}
{{- if $inner }}{{ $_ := set $known $key $inner }}{{ end -}}
{{- else if not (kindIs "invalid" $value) -}}
{{- $_ := set $known $key $value -}}
{{- end -}}
{{- end -}}
{{- toYaml $known -}}
{{- end -}}

{{/* (dict "root" $ "role" ROLE): what holds for the role, from the profile, then defaults, then its own. */}}
{{- define "tributary.settings" -}}
{{- $profile := .root.Files.Get (printf "profiles/%s.yaml" .root.Values.profile) | fromYaml -}}
{{- $defaults := include "tributary.known" .root.Values.defaults | fromYaml -}}
{{- $own := include "tributary.known" (get .root.Values.services .role | default dict) | fromYaml -}}
{{- mergeOverwrite $profile $defaults $own | toYaml -}}
{{- end -}}

{{/* (dict "root" $ "settings" S): how long the process may take to end once it is told to. It is no setting of the
binary: each role has 30 s, and in small nats-server has as long after them. */}}
{{- define "tributary.drainSeconds" -}}
{{- eq .root.Values.profile "small" | ternary 60 30 -}}
{{- end -}}

{{/* The least number of pods, with or without autoscaling. */}}
{{- define "tributary.leastReplicas" -}}
{{- eq .autoscaling.mode "cpu" | ternary (int .autoscaling.minReplicas) (int .replicas) -}}
{{- end -}}

{{- define "tributary.streamReplicas" -}}
{{- $profile := .Files.Get (printf "profiles/%s.yaml" .Values.profile) | fromYaml -}}
{{- .Values.nats.streamReplicas | default $profile.streamReplicas | int -}}
{{- end -}}
