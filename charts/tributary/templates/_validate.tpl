{{/* What the schema cannot say. All that is wrong is told at once, each with the value to set. */}}

{{- define "tributary.validate" -}}
{{- $wrong := list -}}
{{- $pg := .Values.postgres -}}
{{- $nats := .Values.nats -}}
{{- $new := "`tributary secrets new --profile medium` prints the Secrets of an installation" -}}
{{- if eq .Values.profile "medium" -}}
{{- if not .Values.secrets.name -}}
{{- $wrong = append $wrong (printf "secrets.name is empty: name the Secret with the master key and the service credential; %s" $new) -}}
{{- end -}}
{{- if not $nats.credentialsSecret -}}
{{- $wrong = append $wrong (printf "nats.credentialsSecret is empty: name the Secret with the roles' nkey seeds; %s" $new) -}}
{{- end -}}
{{- if not $nats.url -}}
{{- $wrong = append $wrong "nats.url is empty: say where NATS is (nats://nats:4222, or {secret, key}); profile medium has none of its own" -}}
{{- end -}}
{{- if not (or $pg.secret $pg.uri) -}}
{{- $missing := list -}}
{{- range $field := list "host" "port" "database" "user" "password" -}}
{{- if not (get $pg $field) }}{{ $missing = append $missing (printf "postgres.%s" $field) }}{{ end -}}
{{- end -}}
{{- if $missing -}}
{{- $wrong = append $wrong (printf "postgres.secret is empty: name the Secret that has address and password (CloudNativePG writes <cluster>-app), or give postgres.uri, or %s; profile medium has no database of its own" (join ", " $missing)) -}}
{{- end -}}
{{- end -}}
{{- if and (has $pg.sslMode (list "verify-ca" "verify-full")) (not $pg.caSecret) -}}
{{- $wrong = append $wrong (printf "postgres.caSecret is empty: postgres.sslMode %s checks against the ca.crt in it" $pg.sslMode) -}}
{{- end -}}
{{- range $role := splitList "," (include "tributary.enabled" .) -}}
{{- $settings := include "tributary.settings" (dict "root" $ "role" $role) | fromYaml -}}
{{- $wrong = concat $wrong (include "tributary.wrongSettings" (dict "root" $ "place" (printf "services.%s" $role) "settings" $settings) | fromYamlArray) -}}
{{- end -}}
{{- else -}}
{{- if or $pg.secret $pg.uri $pg.host $nats.url $nats.credentialsSecret -}}
{{- $wrong = append $wrong "postgres and nats are set, but profile small has its own of both: set profile to medium, or leave them out" -}}
{{- end -}}
{{- $settings := include "tributary.settings" (dict "root" . "role" "") | fromYaml -}}
{{- $wrong = concat $wrong (include "tributary.wrongSettings" (dict "root" . "place" "defaults" "settings" $settings) | fromYamlArray) -}}
{{- if or (ne (int $settings.replicas) 1) (ne $settings.autoscaling.mode "none") -}}
{{- $wrong = append $wrong "defaults.replicas and defaults.autoscaling: profile small is one pod on one volume; set profile to medium for more" -}}
{{- end -}}
{{- range $role, $own := .Values.services -}}
{{- if omit $own "enabled" -}}
{{- $wrong = append $wrong (printf "services.%s: profile small is one pod, set defaults instead" $role) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if not (include "tributary.enabled" .) -}}
{{- $wrong = append $wrong "services: none is enabled" -}}
{{- end -}}
{{- if ne (empty .Values.llm.url) (empty .Values.llm.model) -}}
{{- $wrong = append $wrong "llm.url and llm.model: a language model needs both, the endpoint's address and the model's name at it" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.public.hosts) -}}
{{- $wrong = append $wrong "public.hosts is empty: ingress.enabled needs the names that platforms and browsers call" -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
{{- $wrong = append $wrong "httpRoute.parentRefs is empty: name your Gateway" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled .Values.networkPolicy.enabled (not .Values.networkPolicy.metricsFrom) -}}
{{- $wrong = append $wrong "networkPolicy.metricsFrom is empty: serviceMonitor.enabled needs the peers that may scrape, such as [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]" -}}
{{- end -}}
{{- if $wrong -}}
{{- fail (printf "\n\n- %s\n" (join "\n- " $wrong)) -}}
{{- end -}}
{{- end -}}

{{/* Wrong numbers of one place, as a YAML list. */}}
{{- define "tributary.wrongSettings" -}}
{{- $wrong := list -}}
{{- $shutdown := .settings.shutdown -}}
{{- $drain := include "tributary.drainSeconds" . | int -}}
{{- $least := add (int $shutdown.preStopSeconds) $drain 5 -}}
{{- if lt (int $shutdown.graceSeconds) (int $least) -}}
{{- $wrong = append $wrong (printf "%s.shutdown.graceSeconds is %d: with preStopSeconds %d and %d s to drain it has to be at least %d" .place (int $shutdown.graceSeconds) (int $shutdown.preStopSeconds) $drain $least) -}}
{{- end -}}
{{- $scale := .settings.autoscaling -}}
{{- if and (eq $scale.mode "cpu") (gt (int $scale.minReplicas) (int $scale.maxReplicas)) -}}
{{- $wrong = append $wrong (printf "%s.autoscaling.minReplicas %d is above maxReplicas %d" .place (int $scale.minReplicas) (int $scale.maxReplicas)) -}}
{{- end -}}
{{- toYaml $wrong -}}
{{- end -}}
