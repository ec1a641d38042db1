using System.Globalization;
using Laptime.Processes;

namespace Laptime.Bench.Engines;

/// <summary>
/// Three services, twice the same: for lap (laptime.yaml and compose.yml) and for docker (compose.yml with the registry's names), with the same Dockerfiles, FROM scratch with busybox. Each answers
/// <c>/content</c> with what it was built with, and ends at once on SIGTERM.
/// </summary>
internal sealed class EngineShop
{
    public const int Inside = 8080;

    private const string Start = "/bin/busybox httpd -f -p 8080 -h /www & p=$!; trap 'kill $p; exit 0' TERM; wait $p";

    private readonly BenchEngine engine;
    private readonly string lap;

    /// <param name="scratch">lap writes the images itself (<c>base: scratch</c>) instead of building the Dockerfiles.</param>
    public EngineShop(BenchEngine engine, string lap, string name, bool scratch = false)
    {
        (this.engine, this.lap) = (engine, lap);
        Stack = name;
        Folder = Path.Combine(engine.Folder, name);
        foreach (var side in (string[])["lap", "docker"])
        {
            foreach (var service in Services)
            {
                Directory.CreateDirectory(Path.Combine(Folder, side, service, "bin"));
                Directory.CreateDirectory(Path.Combine(Folder, side, service, "www"));
                File.Copy("/bin/busybox", Path.Combine(Folder, side, service, "bin", "busybox"));
                File.WriteAllText(Path.Combine(Folder, side, service, "Dockerfile"), $$"""
                    FROM scratch
                    COPY bin /bin
                    COPY www /www
                    ENTRYPOINT ["/bin/busybox", "sh", "-c", "{{Start}}"]

                    """);
                Write(side, service, $"{name}-0");
            }
        }

        File.WriteAllText(Path.Combine(Lap, "compose.yml"), Compose($"name: {Stack}-lap", static _ => "any"));
        File.WriteAllText(Path.Combine(Docker, "compose.yml"), Compose("version: \"3.8\"", Image));
        var image = scratch
            ? $"{{ base: scratch, workdir: /, command: [/bin/busybox, sh, -c, \"{Start}\"] }}"
            : "{ dockerfile: Dockerfile, builder: docker }";
        File.WriteAllText(Path.Combine(Lap, "laptime.yaml"), $$"""
            version: 1
            name: {{name}}
            components:
            {{string.Concat(Services.Select(s => $$"""
              {{s}}:
                path: {{s}}
                inputs: [bin/**, www/**, Dockerfile]
                build: { image: {{image}} }
                run: { port: {{8080 + Array.IndexOf(Services, s)}}, container-port: {{Inside}} }
                probes: { ready: { http: /content, poll: 5ms } }

            """))}}
            environments:
              swarm: { target: swarm, stack: compose.yml }
              docker: { target: docker }

            """);
    }

    public static string[] Services { get; } = ["web", "api", "worker"];

    public string Stack { get; }

    public string Folder { get; }

    public string Lap => Path.Combine(Folder, "lap");

    public string Docker => Path.Combine(Folder, "docker");

    public void Write(string side, string service, string content) => File.WriteAllText(Path.Combine(Folder, side, service, "www", "content"), content + "\n");

    public Command Deploy(params string[] more) => engine.Command(Lap, lap, ["deploy", .. more]);

    /// <summary>What people write in a script: each image built and pushed, then the stack.</summary>
    /// <param name="services">Whose images are built.</param>
    /// <param name="wait">`--detach=false`: back when every task runs and the engine has watched the update.</param>
    public Command DockerDeploy(IReadOnlyList<string> services, bool wait) => engine.Command(Docker, "sh", "-e", "-c", string.Concat(services.Select(s => $"docker build -q -t {Image(s)} {s}\ndocker push -q {Image(s)}\n"))
        + $"docker stack deploy --detach={(wait ? "false" : "true")} -c compose.yml {Stack}-docker");

    /// <summary>A first deploy that ends as soon as every task runs, without the engine's watching it for five more seconds.</summary>
    public Command DockerUntilRunning()
    {
        var command = DockerDeploy(Services, wait: false);
        return command with
        {
            Arguments =
            [
                .. command.Arguments.SkipLast(1),
                command.Arguments[^1] + $"\nuntil [ \"$(docker service ls --format '{{{{.Replicas}}}}' --filter label=com.docker.stack.namespace={Stack}-docker | grep -c 1/1)\" = {Services.Length} ]; do sleep 0.02; done",
            ],
        };
    }

    /// <summary>Stops the agent; services and containers go with the engine.</summary>
    public void End() => _ = Child.Try(engine.Command(Lap, lap, "agent", "stop"));

    private string Image(string service) => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{engine.RegistryPort}/{Stack}/{service}:latest");

    private static string Compose(string head, Func<string, string> image) => $"{head}\nservices:\n" + string.Concat(Services.Select(s => $$"""
          {{s}}:
            image: {{image(s)}}
            deploy: { update_config: { order: start-first } }

        """));
}
