{{/* Names end where a suffix for a shard or a Service still fits into the 63 characters of a label. */}}
{{- define "headpin.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "headpin.fullname" -}}
{{- $name := include "headpin.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods of all shards. */}}
{{- define "headpin.selector" -}}
app.kubernetes.io/name: {{ include "headpin.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "headpin.labels" -}}
{{ include "headpin.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "headpin.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "headpin.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "headpin.image" -}}
{{- $repository := required "image.repository: say where you pushed the image that deploy/container/Containerfile builds" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The shards as a list, of which one without a name stands for everything. */}}
{{- define "headpin.shards" -}}
{{- toJson (dict "shards" (default (list (dict "name" "" "environments" (list))) .Values.shards)) -}}
{{- end -}}

{{/* The name of a shard's objects. Takes (dict "root" $ "shard" SHARD). */}}
{{- define "headpin.shardName" -}}
{{- $fullname := include "headpin.fullname" .root -}}
{{- if .shard.name -}}{{ printf "%s-%s" $fullname .shard.name }}{{- else -}}{{ $fullname }}{{- end -}}
{{- end -}}

{{/* What selects the one pod of a shard. Takes (dict "root" $ "shard" SHARD). */}}
{{- define "headpin.shardSelector" -}}
{{ include "headpin.selector" .root }}
{{- if .shard.name }}
app.kubernetes.io/component: {{ .shard.name }}
{{- end }}
{{- end -}}

{{/* The texts that are no secrets, as the data of a ConfigMap; empty where there are none. */}}
{{- define "headpin.config" -}}
{{- if .Values.git.knownHosts }}
known_hosts: |
  {{- .Values.git.knownHosts | trim | nindent 2 }}
{{- end }}
{{- if .Values.notify.text }}
notify.yaml: |
  {{- .Values.notify.text | trim | nindent 2 }}
{{- end }}
{{- end -}}
