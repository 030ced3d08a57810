// Kubernetes: Jobs, Tekton's Task and Argo's template, and the process that a kubelet makes of their containers.
import { z } from 'zod';
import { readShaped } from './ci-file.ts';
import { type CiStep, type CiSystem, fillIn, type StepWish } from './step.ts';

const METADATA = z.strictObject({
  name: z.string().optional(),
  generateName: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
});
const ENV = z.array(z.strictObject({ name: z.string().regex(/^[A-Z0-9_]+$/), value: z.string() }));
const MOUNTS = z.array(
  z.strictObject({ name: z.string(), mountPath: z.string(), readOnly: z.boolean().optional() }),
);
const CONTAINER = z.strictObject({
  name: z.string(),
  image: z.string(),
  env: ENV.optional(),
  command: z.array(z.string()),
  args: z.array(z.string()).optional(),
  volumeMounts: MOUNTS.optional(),
  securityContext: z.strictObject({ runAsUser: z.int() }).optional(),
});

/** Since Kubernetes 1.29 one that restarts is a sidecar. */
const INIT_CONTAINER = CONTAINER.extend({ restartPolicy: z.literal('Always').optional() });

/** https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.35/#job-v1-batch: the fields that are used here. */
export const JOB = z.strictObject({
  apiVersion: z.literal('batch/v1'),
  kind: z.literal('Job'),
  metadata: METADATA,
  spec: z.strictObject({
    backoffLimit: z.literal(0),
    activeDeadlineSeconds: z.int(),
    template: z.strictObject({
      spec: z.strictObject({
        restartPolicy: z.literal('Never'),
        shareProcessNamespace: z.literal(true).optional(),
        volumes: z.array(z.strictObject({ name: z.string(), emptyDir: z.strictObject({}) })).optional(),
        initContainers: z.array(INIT_CONTAINER).optional(),
        containers: z.tuple([CONTAINER]),
      }),
    }),
  }),
});

const TEKTON_PARAM = z.strictObject({
  name: z.string(),
  type: z.enum(['string', 'array', 'object']),
  description: z.string(),
  default: z.string().optional(),
});

/** https://tekton.dev/docs/pipelines/tasks/ */
export const TASK = z.strictObject({
  apiVersion: z.literal('tekton.dev/v1'),
  kind: z.literal('Task'),
  metadata: METADATA,
  spec: z.strictObject({
    description: z.string(),
    params: z.array(TEKTON_PARAM),
    workspaces: z.array(z.strictObject({ name: z.string(), optional: z.boolean(), description: z.string() })),
    steps: z.tuple([
      z.strictObject({
        name: z.string(),
        image: z.string(),
        workingDir: z.string(),
        env: ENV,
        script: z.string(),
      }),
    ]),
  }),
});

/** https://tekton.dev/docs/pipelines/taskruns/ */
export const TASK_RUN = z.strictObject({
  apiVersion: z.literal('tekton.dev/v1'),
  kind: z.literal('TaskRun'),
  metadata: METADATA,
  spec: z.strictObject({
    timeout: z.string(),
    taskRef: z.strictObject({ name: z.string() }),
    params: z.array(z.strictObject({ name: z.string(), value: z.string() })),
  }),
});

const ARGO_PARAMETERS = z.array(
  z.strictObject({ name: z.string(), value: z.string().optional(), description: z.string().optional() }),
);

/** https://argo-workflows.readthedocs.io/en/latest/fields/ */
export const WORKFLOW_TEMPLATE = z.strictObject({
  apiVersion: z.literal('argoproj.io/v1alpha1'),
  kind: z.literal('WorkflowTemplate'),
  metadata: METADATA,
  spec: z.strictObject({
    templates: z.tuple([
      z.strictObject({
        name: z.string(),
        inputs: z.strictObject({ parameters: ARGO_PARAMETERS }),
        script: z.strictObject({
          image: z.string(),
          command: z.array(z.string()),
          env: ENV,
          source: z.string(),
        }),
      }),
    ]),
  }),
});

export const WORKFLOW = z.strictObject({
  apiVersion: z.literal('argoproj.io/v1alpha1'),
  kind: z.literal('Workflow'),
  metadata: METADATA,
  spec: z.strictObject({
    entrypoint: z.string(),
    templates: z.array(
      z.strictObject({
        name: z.string(),
        steps: z.array(
          z.array(
            z.strictObject({
              name: z.string(),
              templateRef: z.strictObject({ name: z.string(), template: z.string() }),
              arguments: z.strictObject({ parameters: ARGO_PARAMETERS }),
            }),
          ),
        ),
      }),
    ),
  }),
});

/** What a kubelet does to command, args and values: `$(NAME)` is that variable if there is one, and `$$` is `$`. */
function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\$|\$\(([^)]*)\)/g, (found, name: string | undefined) =>
    name === undefined ? '$' : (env[name] ?? found),
  );
}

function environmentOf(listed: z.infer<typeof ENV>): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { name, value } of listed) env[name] = expand(value, env);
  return env;
}

function valuesOf(
  declared: readonly { readonly name: string; readonly fallback: string | undefined }[],
  prefix: string,
  { relay, command, options }: StepWish,
): Record<string, string> {
  const given: Readonly<Record<string, string | undefined>> = {
    image: 'none',
    relay,
    script: command,
    ...options,
  };
  return Object.fromEntries(
    declared.map(({ name, fallback }) => {
      const value = given[name] ?? fallback;
      if (value === undefined) throw new Error(`the parameter ${name} is missing`);
      return [`${prefix}${name}`, value];
    }),
  );
}

function jobStep(wish: StepWish): CiStep {
  const [container] = readShaped('kubernetes/job.yaml', JOB).spec.template.spec.containers;
  const { relay, command, shell, options = {} } = wish;
  const values = { RELAY: relay, ALLOW: options.allow, ID: options.id, SHA256: options.sha256 };
  const set = Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name: `CONVERGE_${name}`, value }],
  );
  const env = environmentOf([...(container.env ?? []), ...set]);
  const [program, ...words] = [...container.command, ...(container.args ?? [])];
  if (program !== '/bin/sh') throw new Error(`the Job starts ${program}`);
  const own = words.map((word) =>
    expand(
      word.replace(/^make test$/m, () => command),
      env,
    ),
  );
  return { command: [...shell, ...own], env };
}

function taskStep(wish: StepWish): CiStep {
  const { params, steps } = readShaped('tekton/task.yaml', TASK).spec;
  const declared = params.map(({ name, default: fallback }) => ({ name, fallback }));
  const values = valuesOf(declared, 'params.', wish);
  const [{ env, script }] = steps;
  const filled = env.map(({ name, value }) => ({ name, value: fillIn(value, ['$(', ')'], values) }));
  return { command: [...wish.shell, '-c', script], env: environmentOf(filled) };
}

function argoStep(wish: StepWish): CiStep {
  const [{ inputs, script }] = readShaped('argo/workflow-template.yaml', WORKFLOW_TEMPLATE).spec.templates;
  const declared = inputs.parameters.map(({ name, value: fallback }) => ({ name, fallback }));
  const values = valuesOf(declared, 'inputs.parameters.', wish);
  const fill = (text: string): string => fillIn(text, ['{{', '}}'], values);
  const filled = script.env.map(({ name, value }) => ({ name, value: fill(value) }));
  return { command: [...wish.shell, '-c', fill(script.source)], env: environmentOf(filled) };
}

export const KUBERNETES: CiSystem = { name: 'Kubernetes Job', canContinue: true, stepOf: jobStep };
export const TEKTON: CiSystem = { name: 'Tekton', canContinue: true, stepOf: taskStep };
export const ARGO: CiSystem = { name: 'Argo Workflows', canContinue: true, stepOf: argoStep };
