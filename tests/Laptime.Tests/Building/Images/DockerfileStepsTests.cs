using Laptime.Building.Images;

namespace Laptime.Tests.Building.Images;

public sealed class DockerfileStepsTests
{
    [Theory]
    [InlineData("[3/4] RUN make all", "Sending build context to Docker daemon  2.048kB", "Step 1/4 : FROM scratch", " --->", "Step 3/4 : RUN make all", " ---> Running in 0f", "make: *** no rule: all")]
    [InlineData("[2/2] RUN x", "STEP 1/2: FROM scratch", "STEP 2/2: RUN x", "error building at STEP \"RUN x\"")]
    [InlineData("[build 2/3] RUN make", "#1 [internal] load build definition from Dockerfile", "#5 [build 1/3] FROM a", "#6 [build 2/3] RUN make", "#7 [final 1/2] COPY x y", "#6 0.5 make: no rule",
        "#6 ERROR: process \"/bin/sh -c make\" did not complete successfully: exit code: 2", "#7 CANCELED")]
    [InlineData(null, "error during connect: this error may indicate that the docker daemon is not running", "Step by step", "#", "#x [a] b", "# [a] b", "#3 ERROR: x", "Stepping: 3")]
    public void The_instruction_that_failed_is_told(string? instruction, params string[] lines)
    {
        var steps = new DockerfileSteps();
        foreach (var line in lines)
        {
            steps.See(line);
        }

        Assert.Equal(instruction, steps.Current);
    }
}
