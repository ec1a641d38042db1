namespace Laptime.Targets.Kubernetes;

/// <summary>The names that everything deployed carries. Labels select; annotations say what it is.</summary>
internal static class Labels
{
    public const string Manager = "laptime.manager";
    public const string Workspace = "laptime.workspace";
    public const string Environment = "laptime.environment";
    public const string Component = "laptime.component";

    public const string Revision = "laptime.revision";
    public const string Artifact = "laptime.artifact";
    public const string DeploymentKey = "laptime.deployment-key";
    public const string Fingerprint = "laptime.fingerprint";
    public const string Transaction = "laptime.transaction";
    public const string Fence = "laptime.fence";

    /// <summary>On the workload: what its pods loaded of their dependencies, as <see cref="LoadedText"/> writes it.</summary>
    public const string Loaded = "laptime.loaded";

    /// <summary>On the pods: the transaction that restarted them without any other change, as <c>kubectl rollout restart</c> writes a time there.</summary>
    public const string Restarted = "laptime.restarted";

    /// <summary>On the pods: digest of their template as we wanted it. Pods with another one are old.</summary>
    public const string Pod = "laptime.pod";

    /// <summary>On the workload: the containers whose image is the component's.</summary>
    public const string Containers = "laptime.containers";

    /// <summary>On the workload: how many the manifest wants, where it says it.</summary>
    public const string Replicas = "laptime.replicas";

    /// <summary>Written by people in their manifests: where the component can be reached from where lap runs.</summary>
    public const string Endpoint = "laptime.endpoint";

    public static string Selector(string workspace, string environment, string? component = null) =>
        $"{Workspace}={workspace},{Environment}={environment}" + (component is null ? "" : $",{Component}={component}");
}
