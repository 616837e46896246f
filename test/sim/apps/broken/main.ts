/** An app that fails at boot. */
throw new Error("the sensor is missing");
