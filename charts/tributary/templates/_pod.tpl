{{/* The one pod template. (dict "root" $ "role" ROLE "settings" S); without a role, the pod of profile small. */}}

{{- define "tributary.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "tributary.pull" -}}
image: {{ include "tributary.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end -}}

{{/* What every pod of the chart has: runs, provisioning and tests. */}}
{{- define "tributary.podBasics" -}}
serviceAccountName: {{ include "tributary.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with concat (.Values.global.imagePullSecrets | default list) .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- end -}}

{{- define "tributary.mounts" -}}
- {name: scratch, mountPath: /tmp, subPath: tmp}
{{- if .role }}
- {name: scratch, mountPath: /var/lib/tributary, subPath: data}
- {name: nats, mountPath: /etc/tributary/nats, readOnly: true}
{{- if .root.Values.postgres.caSecret }}
- {name: postgres-ca, mountPath: /etc/tributary/postgres-ca, readOnly: true}
{{- end }}
{{- else }}
- {name: data, mountPath: /var/lib/tributary}
{{- end }}
{{- if .root.Values.caConfigMap }}
- {name: ca, mountPath: /etc/tributary/ca, readOnly: true}
{{- end }}
{{- end -}}

{{/* "seeds" lists the NATS users whose seeds the pod is given; empty: all that the Secret has. */}}
{{- define "tributary.volumes" -}}
- {name: scratch, emptyDir: {medium: Memory, sizeLimit: 64Mi}}
{{- if .role }}
- name: nats
  secret:
    secretName: {{ .root.Values.nats.credentialsSecret }}
    defaultMode: 0440
    {{- with .seeds }}
    items:
      {{- range . }}
      - {key: {{ . }}, path: {{ . }}}
      {{- end }}
    {{- end }}
{{- with .root.Values.postgres.caSecret }}
- name: postgres-ca
  secret: {secretName: {{ . }}, items: [{key: ca.crt, path: ca.crt}]}
{{- end }}
{{- else if .root.Values.persistence.existingClaim }}
- {name: data, persistentVolumeClaim: {claimName: {{ .root.Values.persistence.existingClaim }}}}
{{- end }}
{{- with .root.Values.caConfigMap }}
- {name: ca, configMap: {name: {{ . }}}}
{{- end }}
{{- end -}}

{{- define "tributary.spread" -}}
{{- $hard := eq .settings.topologySpread "hard" -}}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- topologyKey: {{ $key }}
  maxSkew: 1
  whenUnsatisfiable: {{ and $hard (eq $key "kubernetes.io/hostname") | ternary "DoNotSchedule" "ScheduleAnyway" }}
  labelSelector:
    matchLabels:
      {{- include "tributary.selector" $.root | nindent 6 }}
      app.kubernetes.io/component: {{ $.role }}
  # Each release spreads by itself, so that the old pods of a rollout do not count.
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end -}}

{{- define "tributary.pod" -}}
{{- $root := .root -}}
{{- $s := .settings -}}
metadata:
  labels:
    {{- include "tributary.selector" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .role | default "suite" }}
    {{- with $s.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- with $s.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- include "tributary.podBasics" $root | nindent 2 }}
  terminationGracePeriodSeconds: {{ $s.shutdown.graceSeconds }}
  {{- with $s.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $s.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $s.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $s.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if and .role (ne $s.topologySpread "none") }}
  topologySpreadConstraints:
    {{- include "tributary.spread" . | trim | nindent 4 }}
  {{- end }}
  {{- if .role }}
  initContainers:
    - name: wait
      {{- include "tributary.pull" $root | nindent 6 }}
      args: [provision, --check, --timeout, {{ $root.Values.provision.waitSeconds | quote }}]
      env:
        {{- include "tributary.env" $root | nindent 8 }}
      resources: {{- toYaml $s.resources | nindent 8 }}
      securityContext: {{- include "tributary.containerSecurity" . | nindent 8 }}
      volumeMounts:
        {{- include "tributary.mounts" . | nindent 8 }}
  {{- end }}
  containers:
    - {{ include "tributary.container" . | nindent 6 | trim }}
  volumes:
    {{- include "tributary.volumes" (merge (dict "seeds" (list .role)) .) | nindent 4 }}
    {{- with $s.extraVolumes }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end -}}

{{- define "tributary.container" -}}
{{- $root := .root -}}
{{- $s := .settings -}}
{{- $roles := include "tributary.roles" $root | fromYaml -}}
name: tributary
{{ include "tributary.pull" $root }}
args:
  - run
  {{- if .role }}
  - {{ .role }}
  {{- else }}
  {{- range $role, $_ := $roles }}
  {{- if not (get $root.Values.services $role).enabled }}
  - --without={{ $role }}
  {{- end }}
  {{- end }}
  {{- end }}
env:
  {{- include "tributary.env" $root | nindent 2 }}
  {{- include "tributary.networkEnv" . | nindent 2 }}
  {{- with include "tributary.llmEnv" . | trim }}{{ . | nindent 2 }}{{ end }}
  # Without a limit of CPU there would be as many threads as the node has cores.
  - {name: TOKIO_WORKER_THREADS, value: {{ $s.workerThreads | toString | quote }}}
  {{- with $s.extraEnv }}{{ toYaml . | nindent 2 }}{{ end }}
ports:
  - {name: admin, containerPort: 9090}
  {{- range $role, $its := $roles }}
  {{- if or (eq $role $.role) (and (not $.role) (ne $its.port "grpc")) }}
  - {name: {{ $its.port }}, containerPort: {{ $its.number }}}
  {{- end }}
  {{- end }}
startupProbe:
  httpGet: {path: /startupz, port: admin}
  periodSeconds: 5
  failureThreshold: {{ div (add (int $s.startupSeconds) 4) 5 }}
livenessProbe:
  # The process's own loop alone; nobody is helped by a restart because NATS is away.
  httpGet: {path: /livez, port: admin}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: admin}
  periodSeconds: 5
  timeoutSeconds: 3
  # A reader that takes its place up again after a hiccup of NATS or Postgres is not ready for a moment, in all pods.
  failureThreshold: 6
{{- if gt (int $s.shutdown.preStopSeconds) 0 }}
lifecycle:
  # The image has no shell.
  preStop: {sleep: {seconds: {{ $s.shutdown.preStopSeconds }}}}
{{- end }}
resources: {{- toYaml $s.resources | nindent 2 }}
securityContext: {{- include "tributary.containerSecurity" . | nindent 2 }}
volumeMounts:
  {{- include "tributary.mounts" . | nindent 2 }}
  {{- with $s.extraVolumeMounts }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end -}}
