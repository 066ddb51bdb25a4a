{{/*
A text as YAML that holds exactly this text, on one line. "quote" escapes line breaks and everything invisible; Helm
deletes the letters "<no value>" from what a template prints, so "<" is escaped too. Never "tpl": a value stays a value.
*/}}
{{- define "agent.text" -}}
{{ quote . | replace "<" "\\x3c" }}
{{- end }}

{{/* A mapping of texts, one line each. */}}
{{- define "agent.texts" -}}
{{- $lines := list }}
{{- range $key, $text := . }}
{{- $lines = append $lines (printf "%s: %s" (include "agent.text" $key) (include "agent.text" $text)) }}
{{- end }}
{{- join "\n" $lines }}
{{- end }}

{{- define "agent.namespace" -}}
{{ .Values.namespaceOverride | default .Release.Namespace }}
{{- end }}

{{- define "agent.selector" -}}
app.kubernetes.io/name: {{ include "agent.text" .Values.nameOverride }}
app.kubernetes.io/instance: {{ include "agent.text" .Values.fullnameOverride }}
{{- end }}

{{- define "agent.labels" -}}
{{ include "agent.selector" . }}
app.kubernetes.io/part-of: {{ include "agent.text" .Values.partOf }}
app.kubernetes.io/managed-by: headpin
{{- end }}

{{/* Name, namespace and labels: what every object's metadata begins with. */}}
{{- define "agent.metadata" -}}
name: {{ include "agent.text" .Values.fullnameOverride }}
namespace: {{ include "agent.text" (include "agent.namespace" .) }}
labels:
  {{- include "agent.labels" . | nindent 2 }}
{{- end }}

{{- define "agent.image" -}}
{{ .Values.image.repository }}
{{- with .Values.image.tag }}:{{ . }}{{ end }}
{{- with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* Whether an autoscaler decides on the number of pods: "true" or nothing. */}}
{{- define "agent.autoscaled" -}}
{{- if and (not .Values.stopped) (gt (int .Values.autoscaling.maxReplicas) (int .Values.replicaCount)) }}true{{ end }}
{{- end }}

{{/* Environment variables, of a mapping of names to texts and Secrets' keys. */}}
{{- define "agent.env" -}}
{{- range $name, $value := . }}
- name: {{ include "agent.text" $name }}
  {{- if kindIs "string" $value }}
  value: {{ include "agent.text" $value }}
  {{- else }}
  valueFrom:
    secretKeyRef:
      {{- with $value.secretKeyRef }}
      name: {{ include "agent.text" .name }}
      key: {{ include "agent.text" .key }}
      {{- if .optional }}
      optional: true
      {{- end }}
      {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{/* The texts of the files that are no Secret's, by their keys in the ConfigMap, as JSON. */}}
{{- define "agent.data" -}}
{{- $data := dict }}
{{- range .Values.files }}
{{- if .key }}{{ $_ := set $data .key .text }}{{ end }}
{{- end }}
{{- toJson $data }}
{{- end }}

{{/* The ConfigMap's name: it changes with every file, so that pods restart. Nothing where there are no files. */}}
{{- define "agent.filesName" -}}
{{- $lines := list }}
{{- range $key, $text := include "agent.data" . | fromJson }}
{{- $lines = append $lines (printf "%s %s\n" $key (sha256sum $text)) }}
{{- end }}
{{- if $lines }}
{{- printf "%s-%s" .Values.fullnameOverride (join "" $lines | sha256sum | trunc 10) }}
{{- end }}
{{- end }}

{{/*
The volumes of Secrets that files are in, as JSON: "<secret> <optional>" to its name, the Secret and the keys used.
Optional keys are a volume of their own, because a volume is optional as a whole.
*/}}
{{- define "agent.secretVolumes" -}}
{{- $volumes := dict }}
{{- range .Values.files }}
{{- with .secret }}
{{- $id := printf "%s %t" .name (.optional | default false) }}
{{- if not (hasKey $volumes $id) }}
{{- $_ := set $volumes $id (dict "secret" .name "optional" (.optional | default false) "keys" dict) }}
{{- end }}
{{- $_ := set (get $volumes $id).keys .key true }}
{{- end }}
{{- end }}
{{- range $number, $id := keys $volumes | sortAlpha }}
{{- $_ := set (get $volumes $id) "name" (printf "secret-%d" $number) }}
{{- end }}
{{- toJson $volumes }}
{{- end }}

{{- define "agent.probe" -}}
initialDelaySeconds: {{ int .initialDelaySeconds }}
periodSeconds: {{ int .periodSeconds }}
timeoutSeconds: {{ int .timeoutSeconds }}
failureThreshold: {{ int .failureThreshold }}
{{- with .httpGet }}
httpGet:
  path: {{ include "agent.text" .path }}
  port: {{ include "agent.text" .port }}
{{- end }}
{{- with .tcpSocket }}
tcpSocket:
  port: {{ include "agent.text" .port }}
{{- end }}
{{- with .exec }}
exec:
  command:
    {{- range .command }}
    - {{ include "agent.text" . }}
    {{- end }}
{{- end }}
{{- end }}

{{/* The key in its ConfigMap of a file below content/: texts end in .txt, everything else in .base64. */}}
{{- define "agent.contentKey" -}}
{{ base . | trimSuffix (ext .) }}
{{- end }}

{{/* The container that fetches the content before the agent starts. */}}
{{- define "agent.contentContainer" -}}
{{- $init := .Values.content.init -}}
name: content
image: {{ include "agent.text" $init.image }}
command:
  - "sh"
  - "-c"
  - {{ include "agent.text" (.Files.Get "content/fetch-content.sh") }}
env:
  {{- include "agent.env" $init.env | nindent 2 }}
resources:
  requests:
    {{- include "agent.texts" $init.resources.requests | nindent 4 }}
  limits:
    {{- include "agent.texts" $init.resources.limits | nindent 4 }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ int $init.runAsUser }}
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop:
      - ALL
volumeMounts:
  - name: content
    mountPath: {{ include "agent.text" $init.env.HEADPIN_TARGET }}
  - name: content-work
    mountPath: {{ include "agent.text" $init.env.HOME }}
  {{- if $init.keys }}
  - name: content-keys
    mountPath: {{ include "agent.text" $init.env.HEADPIN_KEYS }}
    readOnly: true
  {{- end }}
{{- end }}

{{/* The volumes of the content: what the agent's container mounts, and what the one that fetches it needs besides. */}}
{{- define "agent.contentVolumes" -}}
- name: content
  {{- if .init }}
  emptyDir:
    sizeLimit: {{ include "agent.text" .init.sizeLimit }}
- name: content-work
  emptyDir:
    sizeLimit: {{ include "agent.text" .init.workSizeLimit }}
{{- with .init.keys }}
- name: content-keys
  secret:
    secretName: {{ include "agent.text" .secret }}
    items:
      {{- range .keys }}
      - key: {{ include "agent.text" . }}
        path: {{ include "agent.text" . }}
      {{- end }}
{{- end }}
  {{- else if .configMaps }}
  projected:
    sources:
      {{- range .configMaps }}
      - configMap:
          name: {{ include "agent.text" .name }}
          items:
            {{- range $path, $file := .files }}
            - key: {{ include "agent.text" (include "agent.contentKey" $file) }}
              path: {{ include "agent.text" $path }}
            {{- end }}
      {{- end }}
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- end }}
