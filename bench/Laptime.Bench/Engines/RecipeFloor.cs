using Laptime.Processes;

namespace Laptime.Bench.Engines;

/// <summary>
/// What nobody gets below who installs, upgrades in place and removes the application and its PostgreSQL on a swarm, part by part: the boot of the recipe's own programs in plain containers, one after the
/// other as they wait for each other; and the swarm's fixed delays, by a stack of the same shape (two services, an own network, a shared one, a volume, a secret, a config) whose programs are there at once.
/// What seeds, hooks, backup, restore and checks take is not in it.
/// </summary>
internal static class RecipeFloor
{
    /// <summary>Of one step: each takes a few seconds.</summary>
    private const int BoundSeconds = 60;

    /// <summary>As lap's fast lane has it.</summary>
    private const string Health = "{ test: [\"CMD\", \"wget\", \"-q\", \"-O\", \"/dev/null\", \"http://127.0.0.1:8080/cgi-bin/health\"], interval: 1s }";

    /// <summary><c>until_ok WHAT COMMAND...</c> runs a command until it succeeds, and ends the step aloud when it does not.</summary>
    private static readonly string Tools = $$$"""
        set -eu
        until_ok() {
            what=$1; shift
            end=$(($(date +%s) + {{{BoundSeconds}}}))
            until "$@" > said 2>&1; do
                if [ "$(date +%s)" -ge "$end" ]; then echo "$what: not within {{{BoundSeconds}}} s: $(tail -n 3 said)"; docker service ls; docker ps --all; docker network ls; exit 1; fi
                sleep 0.02
            done
        }
        # In a container: asked from inside, for what asks from outside takes from what boots.
        within() {
            container=$1; shift
            docker exec "$container" timeout {{{BoundSeconds}}} sh -c 'until "$@" > /dev/null 2>&1; do sleep 0.05; done' sh "$@" > said 2>&1 || { echo "$container: not within {{{BoundSeconds}}} s: $*"; docker logs "$container"; exit 1; }
        }
        # Of the stack: NAME's wanted tasks run (the swarm says so of containers that are well), and no other container of it does.
        runs() { [ "$(docker service ls --format '{{.Name}} {{.Replicas}}' --filter "name=$1")" = "$1 1/1" ]; }
        updated() { [ "$(docker service inspect --format '{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}' "$1")" = completed ] && [ "$(docker ps --quiet --filter "name=$1" | wc -l)" = 1 ]; }
        none() { [ -z "$("$@")" ]; }

        """;

    /// <returns>What, and its seconds: the middle of the rounds.</returns>
    public static IReadOnlyList<(string What, double Seconds)> Measure(BenchEngine engine, int rounds)
    {
        engine.Docker("network", "create", "floor");
        var parts = new List<(string What, List<double> Seconds)>();
        for (var i = 0; i < rounds; i++)
        {
            Boot(engine, Add);
            Swarm(engine, $"floor{i}", Add);
        }

        engine.Docker("network", "rm", "floor");
        return [.. parts.Select(static p => (p.What, Series.Middle(p.Seconds)))];

        void Add(string what, double seconds)
        {
            if (parts.Find(p => p.What == what).Seconds is not { } known)
            {
                parts.Add((what, known = []));
            }

            known.Add(seconds);
            Console.Error.WriteLine($"floor, {what}: {seconds:0.00} s");
        }
    }

    /// <summary>From the container's start to the first answer that says well.</summary>
    private static void Boot(BenchEngine engine, Action<string, double> add)
    {
        add("boot of PostgreSQL, with its first initdb", Shell(engine, """
            docker run --detach --name floor-db --network floor --network-alias db --env POSTGRES_USER=notes --env POSTGRES_PASSWORD=p laptime.example/postgres:15
            within floor-db pg_isready -h 127.0.0.1 -U notes
            """));
        foreach (var (what, version) in ((string, string)[])[("base", "1.0.0"), ("head", "1.1.0")])
        {
            Shell(engine, $"""
                docker create --name floor-app --network floor --env DB_HOST=db --env DB_PASSWORD_FILE=/p laptime.example/notes:{version}
                printf p > p
                docker cp --quiet p floor-app:/p
                """);
            add($"boot of the application, {what}", Shell(engine, """
                docker start floor-app
                within floor-app wget -q -O /dev/null http://127.0.0.1:8080/cgi-bin/health
                """));
            engine.Docker("rm", "--force", "--volumes", "floor-app");
        }

        engine.Docker("rm", "--force", "--volumes", "floor-db");
    }

    /// <summary>A name of its own for each round: a network that was just removed is still found under its name, and refused.</summary>
    private static void Swarm(BenchEngine engine, string stack, Action<string, double> add)
    {
        File.WriteAllText(Path.Combine(engine.Folder, "floor.yml"), $$"""
            version: "3.8"
            services:
              a:
                image: laptime.example/kv:1.0.0
                networks: [ own ]
                volumes: [ "data:/data" ]
                secrets: [ key ]
                healthcheck: {{Health}}
                deploy: { endpoint_mode: dnsrr, update_config: { monitor: 500ms } }
              b:
                image: laptime.example/kv:$VERSION
                networks: [ own, shared ]
                secrets: [ key ]
                configs: [ settings ]
                healthcheck: {{Health}}
                deploy: { endpoint_mode: dnsrr, update_config: { monitor: 500ms, order: start-first } }
            networks: { own: {}, shared: { external: true, name: {{stack}}-shared } }
            volumes: { data: {} }
            secrets: { key: { file: ./p } }
            configs: { settings: { file: ./floor.yml } }

            """);
        var deploy = $"docker stack deploy --resolve-image never --compose-file floor.yml {stack}";
        add("swarm: two services until both run and are well", Shell(engine, $"""
            export VERSION=1.0.0
            docker network create --driver overlay --attachable {stack}-shared
            {deploy}
            until_ok "a" runs {stack}_a
            until_ok "b" runs {stack}_b
            """));
        add("swarm: one of them updated in place, until the old one has gone and the update was watched", Shell(engine, $"""
            export VERSION=1.1.0
            {deploy}
            until_ok "the update" updated {stack}_b
            """));
        add("swarm: everything removed, containers by force", Shell(engine, $$"""
            label=label=com.docker.stack.namespace={{stack}}
            docker service rm {{stack}}_a {{stack}}_b
            gone() { docker ps --all --quiet --filter $label | xargs --no-run-if-empty docker rm --force; none docker ps --all --quiet --filter $label; }
            until_ok "containers" gone
            until_ok "the volume" docker volume rm {{stack}}_data
            until_ok "its own network" docker network rm {{stack}}_own
            until_ok "the shared network" docker network rm {{stack}}-shared
            docker secret rm {{stack}}_key
            docker config rm {{stack}}_settings
            """));
    }

    private static double Shell(BenchEngine engine, string text) => Child.Run(engine.Command(engine.Folder, "sh", "-c", Tools + text), Path.Combine(engine.Folder, "floor.said")).Wall / 1000;
}
