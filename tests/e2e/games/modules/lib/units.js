export const unit = await Promise.resolve("modules");
