{{/* Which Secret holds what, and how a generated value survives an upgrade. */}}

{{- define "converge.clusterSecretName" -}}
{{- .Values.clusterSecret.existingSecret | default (include "converge.fullname" .) }}
{{- end }}

{{- define "converge.clusterSecretKey" -}}
{{- ternary .Values.clusterSecret.existingSecretKey "cluster-secret" (ne .Values.clusterSecret.existingSecret "") }}
{{- end }}

{{- define "converge.redisPasswordSecretName" -}}
{{- .Values.redis.builtin.existingSecret | default (printf "%s-redis" (include "converge.fullname" .)) }}
{{- end }}

{{- define "converge.redisPasswordKey" -}}
{{- ternary .Values.redis.builtin.existingSecretKey "redis-password" (ne .Values.redis.builtin.existingSecret "") }}
{{- end }}

{{- define "converge.redisUrlSecretName" -}}
{{- .Values.redis.external.existingSecret | default (printf "%s-redis-url" (include "converge.fullname" .)) }}
{{- end }}

{{- define "converge.redisUrlKey" -}}
{{- ternary .Values.redis.external.existingSecretKey "redis-url" (ne .Values.redis.external.existingSecret "") }}
{{- end }}

{{/*
A generated value, base64: the one that the cluster has under this name and key, else a new one.
Letters and digits only, so that it can stand in a URL. Takes root, name, key, length.
*/}}
{{- define "converge.keptOrRandom" -}}
{{- $found := lookup "v1" "Secret" .root.Release.Namespace .name }}
{{- $kept := get (($found).data | default dict) .key }}
{{- $kept | default (randAlphaNum (int .length) | b64enc) }}
{{- end }}

{{/*
Changes when the given configuration does, so that pods restart with it. A generated value is not in it: it never
changes, and rendered twice on the first install it would differ from itself.
*/}}
{{- define "converge.configChecksum" -}}
{{- list .Values.clusterSecret .Values.redis.external .Values.redis.builtin.existingSecret .Values.redis.builtin.existingSecretKey .Values.relay.tlsSecret | toJson | sha256sum }}
{{- end }}
