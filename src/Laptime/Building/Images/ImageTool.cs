using System.Security.Cryptography;
using System.Text;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Building.Images;

/// <summary>
/// Builds one component's image with a tool of the machine: <c>docker build</c> (BuildKit or the classic builder, as found; <c>DOCKER_HOST</c> is honoured),
/// <c>buildah build</c>, or the .NET SDK's container publish. What comes out is a file or folder that the artifact store imports.
/// </summary>
/// <param name="folder">Empty folder for what comes out.</param>
internal sealed class ImageTool(BuildRequest request, ImageSettings image, ProcessRunner runner, string folder, string pidFile, Timeline timeline, int? parentSegment, Action<BuildLine>? onLine)
{
    private static readonly TimeSpan QuestionBound = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan BuildBound = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan ExportBound = TimeSpan.FromMinutes(10);
    private readonly Component component = request.Component;
    private readonly HashSet<string> secrets = new(request.Secrets, StringComparer.Ordinal);

    private string Path => System.IO.Path.GetFullPath(System.IO.Path.Combine(request.Root, component.Path));

    private string Platform => image.Platform ?? BuiltImage.DefaultPlatform;

    /// <param name="after">The last step's segment.</param>
    /// <exception cref="FaultException">No tool is there, or it failed: with the Dockerfile's step and the last lines.</exception>
    public async Task<(BuiltImage Image, IReadOnlyList<StepResult> Steps)> BuildAsync(int? after, CancellationToken cancel)
    {
        switch (image.Builder)
        {
            case ImageBuilder.Dotnet:
                return await DotnetAsync(after, cancel).ConfigureAwait(false);
            case ImageBuilder.Buildah:
                return await BuildahAsync(after, cancel).ConfigureAwait(false);
            case ImageBuilder.Docker:
                return await DockerAsync(after, cancel).ConfigureAwait(false);
        }

        var docker = await AskAsync(new Command { Program = "docker", Arguments = ["version", "--format", "{{.Server.Version}}"], Directory = Path }, cancel).ConfigureAwait(false);
        if (docker is null)
        {
            return await DockerAsync(after, cancel).ConfigureAwait(false);
        }

        if (await AskAsync(new Command { Program = "buildah", Arguments = ["--version"], Directory = Path }, cancel).ConfigureAwait(false) is null)
        {
            return await BuildahAsync(after, cancel).ConfigureAwait(false);
        }

        throw new FaultException(new Fault(Outcome.BuildFailed, $"{component.Name}: nothing here can build a Dockerfile: {docker}, and there is no buildah",
            component.At.ToString(), "start the Docker engine, install buildah, or build without a Dockerfile: `base: scratch` with `outputs` needs neither"));
    }

    private async Task<(BuiltImage, IReadOnlyList<StepResult>)> DockerAsync(int? after, CancellationToken cancel)
    {
        var id = System.IO.Path.Combine(folder, "id");
        var archive = System.IO.Path.Combine(folder, "image.tar");
        // An image without a name would be taken by the next `docker image prune`, and with it the classic builder's cache.
        var name = $"laptime-build/{NameOf(component.Name)}:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(request.Root)))[..12]}";
        var classic = Environment.GetEnvironmentVariable("DOCKER_BUILDKIT") == "0"
            || await AskAsync(new Command { Program = "docker", Arguments = ["buildx", "version"], Directory = Path }, cancel).ConfigureAwait(false) is not null;
        // A provenance attestation of BuildKit's own has the time in it, and makes a list of what is one image.
        List<string> arguments = classic ? ["build"] : ["buildx", "build", "--load", "--provenance=false", "--sbom=false"];
        arguments.AddRange(["--iidfile", id, "--tag", name]);
        Common(arguments);
        var build = await RunAsync("image", "docker", [.. arguments, ContextPath], Arguments(), BuildBound, after, cancel).ConfigureAwait(false);
        var saved = await RunAsync("export", "docker", ["save", "--output", archive, (await File.ReadAllTextAsync(id, cancel).ConfigureAwait(false)).Trim()], [], ExportBound, build.Segment.Id, cancel)
            .ConfigureAwait(false);
        return (new BuiltImage.Archive(archive, Platform, Stamped: false), [build, saved]);
    }

    private async Task<(BuiltImage, IReadOnlyList<StepResult>)> BuildahAsync(int? after, CancellationToken cancel)
    {
        var id = System.IO.Path.Combine(folder, "id");
        var archive = System.IO.Path.Combine(folder, "image.tar");
        List<string> arguments = ["build", "--layers", "--format", "oci", "--iidfile", id];
        Common(arguments);
        var build = await RunAsync("image", "buildah", [.. arguments, ContextPath], Arguments(), BuildBound, after, cancel).ConfigureAwait(false);
        // Docker's archive, for its layers are not compressed: their bytes would depend on the version of the compressor. (Into a layout, --disable-compression does nothing.)
        var pushed = await RunAsync("export", "buildah", ["push", "--quiet", (await File.ReadAllTextAsync(id, cancel).ConfigureAwait(false)).Trim(), $"docker-archive:{archive}"], [],
            ExportBound, build.Segment.Id, cancel).ConfigureAwait(false);
        return (new BuiltImage.Archive(archive, Platform, Stamped: false), [build, pushed]);
    }

    private async Task<(BuiltImage, IReadOnlyList<StepResult>)> DotnetAsync(int? after, CancellationToken cancel)
    {
        var archive = System.IO.Path.Combine(folder, "image.tar.gz");
        List<string> arguments =
        [
            "publish", "-t:PublishContainer", "--os", "linux", "--arch", DotnetArchitecture(), "-nologo",
            $"-p:ContainerArchiveOutputPath={archive}", "-p:ContainerImageFormat=OCI", $"-p:ContainerRepository={NameOf(component.Name)}", "-p:ContainerImageTag=lap",
            // An unrelated commit would change the program's bytes.
            "-p:IncludeSourceRevisionInInformationalVersion=false",
        ];
        if (image.Base is { } on)
        {
            arguments.Add($"-p:ContainerBaseImage={on}");
        }

        foreach (var (name, value) in image.Arguments)
        {
            arguments.Add($"-p:{name}={Resolve(value)}");
        }

        var build = await RunAsync("image", "dotnet", arguments, [], BuildBound, after, cancel).ConfigureAwait(false);
        return (new BuiltImage.Archive(archive, Platform, Stamped: true), [build]);
    }

    private string DotnetArchitecture() => Platform.Split('/')[1] switch
    {
        "amd64" => "x64",
        "386" => "x86",
        var same => same,
    };

    private string ContextPath => System.IO.Path.GetFullPath(System.IO.Path.Combine(Path, image.Context));

    private void Common(List<string> arguments)
    {
        arguments.AddRange(["--file", System.IO.Path.GetFullPath(System.IO.Path.Combine(Path, image.Dockerfile))]);
        if (image.Target is { } target)
        {
            arguments.AddRange(["--target", target]);
        }

        if (image.Platform is { } platform)
        {
            arguments.AddRange(["--platform", platform]);
        }

        // Without values: the tool takes them from its environment, where no list of processes shows them.
        arguments.AddRange(image.Arguments.Keys.SelectMany(n => (string[])["--build-arg", n]));
    }

    private Dictionary<string, string?> Arguments() => image.Arguments.ToDictionary(a => a.Key, string? (a) => Resolve(a.Value), StringComparer.Ordinal);

    private string Resolve(Template template)
    {
        foreach (var name in template.Names.Where(n => n.StartsWith("env.", StringComparison.Ordinal)))
        {
            if (request.Values(name) is { Length: > 0 } secret)
            {
                secrets.Add(secret);
            }
        }

        return template.Resolve(request.Values);
    }

    /// <summary>Null: it works. Otherwise why not, in words.</summary>
    private async Task<string?> AskAsync(Command command, CancellationToken cancel)
    {
        try
        {
            var result = await runner.RunAsync(command with { Deadline = QuestionBound }, null, cancel).ConfigureAwait(false);
            return result.Succeeded ? null : result.Tail.LastOrDefault(l => l.Length > 0) ?? $"`{command.Program}` ended with {result.Ending}";
        }
        catch (FaultException e)
        {
            return e.Fault.What;
        }
    }

    private async Task<StepResult> RunAsync(
        string step, string program, IReadOnlyList<string> arguments, Dictionary<string, string?> environment, TimeSpan bound, int? after, CancellationToken cancel)
    {
        var log = System.IO.Path.Combine(request.LogFolder, StepRecords.SafeName(component.Name), step + ".log");
        var progress = new DockerfileSteps();
        using var segment = timeline.Begin($"build/{step}", component.Name, "package", parentSegment, after is { } id ? [id] : []);
        segment.Cache("none");
        environment["BUILDKIT_PROGRESS"] = "plain";
        ProcessResult ended;
        try
        {
            ended = await runner.RunAsync(
                new Command
                {
                    Program = program, Arguments = arguments, Directory = Path, Environment = timeline.Trace?.Into(environment, segment.Id) ?? environment,
                    Secrets = [.. secrets], Deadline = bound, LogFile = log, PidFile = pidFile,
                },
                line =>
                {
                    progress.See(line.Text);
                    onLine?.Invoke(new BuildLine(component.Name, step, line));
                },
                cancel).ConfigureAwait(false);
        }
        catch (FaultException e)
        {
            segment.End("failed");
            throw new FaultException(e.Fault with { Where = $"{component.Name}, image ({component.At}), {e.Fault.Where}" }, e);
        }

        if (!ended.Succeeded)
        {
            segment.End(ended.TimedOut ? "timeout" : "failed");
            var where = step == "image" && image.Builder != ImageBuilder.Dotnet ? image.Dockerfile : component.At.ToString();
            var at = progress.Current is { } current && step == "image" ? $" at {current}" : "";
            throw new FaultException(new Fault(
                Outcome.BuildFailed, $"{component.Name}: {program} {(step == "image" ? "failed to build the image" : "failed to hand the image over")}{at}, {ended.Ending}",
                $"{component.Name}, {where}", Mend(ended, log), ended.Tail));
        }

        return new StepResult(step, StepKind.Package, "none", segment.End(), log);
    }

    private static string Mend(ProcessResult ended, string log) =>
        ended.Tail.Any(l => l.Contains("Cannot connect to the Docker daemon", StringComparison.Ordinal) || l.Contains("error during connect", StringComparison.Ordinal))
            ? "start the Docker engine (or point DOCKER_HOST at one), or set `builder: buildah`"
            : $"the whole output is in {log}";

    /// <summary>As names of images are: lower case, single separators.</summary>
    private static string NameOf(string component)
    {
        var name = string.Join('-', component.ToLowerInvariant().Split(['-', '_', '.'], StringSplitOptions.RemoveEmptyEntries));
        return name.Length == 0 ? "component" : name;
    }
}
